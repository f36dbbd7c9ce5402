//! Checks of stamps and of peering keys, and the search for a key, as values that run on any thread and come back.

use reticulum::hash::{DestinationHash, IdentityHash};

use super::offers;
use crate::propagation::{TransientId, bodies};
use crate::stamp::{Purpose, STAMP_LEN, Search, Searched, Workblock};

/// Work to run. All of it takes milliseconds or more.
#[derive(Debug)]
pub struct Work(pub(super) Job);

#[derive(Debug)]
pub(super) enum Job {
    Stamps { transfer: u64, cost: u8, stamped: Vec<Vec<u8>> },
    Key { asked: Box<offers::Asked>, material: [u8; 32], key: [u8; STAMP_LEN], cost: u8 },
    Search { peer: DestinationHash, search: Search },
}

/// The result of a [`Work`].
#[derive(Debug)]
pub struct WorkDone(pub(super) Done);

#[derive(Debug)]
pub(super) enum Done {
    Stamps(Checked),
    Key { asked: Box<offers::Asked>, is_valid: bool },
    Searched { peer: DestinationHash, searched: Box<Searched> },
}

/// Messages of a transfer whose stamps were checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) transfer: u64,
    pub(super) good: Vec<Stamped>,
    pub(super) bad: u32,
}

/// A message that is worth what it costs.
#[derive(Debug)]
pub(super) struct Stamped {
    pub(super) id: TransientId,
    pub(super) value: u16,
    pub(super) stamped: Vec<u8>,
}

impl Work {
    /// Runs it, on any thread.
    pub fn run(self) -> WorkDone {
        WorkDone(match self.0 {
            Job::Stamps { transfer, cost, stamped } => {
                let all = stamped.len();
                let good: Vec<_> = stamped.into_iter().filter_map(|stamped| check(stamped, cost)).collect();
                Done::Stamps(Checked { transfer, bad: (all - good.len()) as u32, good })
            }
            Job::Key { asked, material, key, cost } => {
                let is_valid = Workblock::new(Purpose::Peering, &material).is_valid(&key, cost);
                Done::Key { asked, is_valid }
            }
            Job::Search { peer, search } => Done::Searched { peer, searched: Box::new(search.run()) },
        })
    }
}

fn check(stamped: Vec<u8>, cost: u8) -> Option<Stamped> {
    let (message, stamp) = bodies::split_stamp(&stamped)?;
    let id = TransientId::of(message);
    let block = Workblock::new(Purpose::Propagation, id.as_bytes());
    let is_valid = block.is_valid(stamp, cost);
    let value = block.value(stamp) as u16;
    is_valid.then_some(Stamped { id, value, stamped })
}

/// What a peering key is a stamp on (`spec/lxmf.md` 5.1).
pub(super) fn key_material(receiver: IdentityHash, offering: IdentityHash) -> [u8; 32] {
    let mut material = [0; 32];
    material[..16].copy_from_slice(receiver.as_bytes());
    material[16..].copy_from_slice(offering.as_bytes());
    material
}
