//! A propagation node as simple as can be, on the engine of a station.

use reticulum::node::{DestinationConfig, Priority};
use reticulum::wire::msgpack::{self, Reader};

use super::*;
use crate::propagation::{PROPAGATION_NAME, TransientId};
use crate::stamp::{Purpose, STAMP_LEN, Workblock};

pub(super) struct Mailbox {
    pub(super) address: DestinationHash,
    cost: u8,
    /// What it keeps, stamps removed.
    pub(super) stored: Vec<Vec<u8>>,
    /// Turns all stamps away.
    pub(super) refuses: bool,
    /// Answers each request with this code.
    pub(super) code: Option<u64>,
    /// What waits to be judged, if that takes its time.
    pub(super) slow: Option<Vec<(LinkId, Vec<u8>, PendingProof)>>,
    /// Answers no request at all.
    pub(super) mute: bool,
    /// What was asked for: ids wanted and ids to delete, of each request that is no listing.
    pub(super) asked: Vec<(usize, usize)>,
}

impl Mailbox {
    /// Opens one on this engine.
    pub(super) fn open(node: &mut Node, cost: u8, message_kb: u64) -> Self {
        let mut config =
            DestinationConfig::new(Arc::new(Identity::from_bytes(&[0x77; 64])), PROPAGATION_NAME);
        config.app_data = announce(cost, message_kb);
        config.accept_links = true;
        config.proofs = ProofPolicy::Application;
        config.resources = ResourcePolicy::All;
        config.resource_size_max = 10_000_000;
        let address = node.add_destination(config).unwrap();
        Self {
            address,
            cost,
            stored: Vec::new(),
            refuses: false,
            code: None,
            slow: None,
            mute: false,
            asked: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, node: &mut Node, event: Event) -> Option<Event> {
        match event {
            Event::LinkPacket { link, data, proof } => match &mut self.slow {
                Some(slow) => slow.push((link, data, proof)),
                None => self.judge(now, node, link, &data, proof),
            },
            Event::ResourceReceived { data, proof, .. } => {
                self.take(&data);
                node.prove(now, proof);
            }
            Event::Request { link, request, data, remote, .. } if !self.mute => {
                let answer = match (self.code, remote) {
                    (Some(code), _) => uint(code),
                    (None, None) => uint(0xf0),
                    (None, Some(remote)) => {
                        self.get(&data, DestinationHash::of_single(*DELIVERY_NAME_HASH, remote.hash()))
                    }
                };
                node.respond(now, link, request, &answer).unwrap();
            }
            event => return Some(event),
        }
        None
    }

    /// Takes an upload, or turns its stamp away.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        node: &mut Node,
        link: LinkId,
        data: &[u8],
        proof: PendingProof,
    ) {
        if self.take(data) {
            node.prove(now, proof);
        } else {
            node.send_on_link(now, link, vec![0x91, 0xcc, 0xf5], Priority::Message).unwrap();
        }
    }

    fn take(&mut self, container: &[u8]) -> bool {
        let mut reader = Reader::new(container);
        assert_eq!(reader.read_array_len(), Ok(2));
        reader.read_f64().unwrap();
        assert_eq!(reader.read_array_len(), Ok(1), "one message a transfer");
        let stamped = reader.read_bin().unwrap();
        let (stored, stamp) = stamped.split_at(stamped.len() - STAMP_LEN);
        let block = Workblock::new(Purpose::Propagation, TransientId::of(stored).as_bytes());
        let good = block.is_valid(stamp, self.cost) && !self.refuses;
        if good {
            self.stored.push(stored.to_vec());
        }
        good
    }

    fn get(&mut self, data: &[u8], of: DestinationHash) -> Vec<u8> {
        let mut reader = Reader::new(data);
        let len = reader.read_array_len().unwrap();
        let (wants, haves) = (ids(&mut reader), ids(&mut reader));
        assert_eq!(len, if wants.is_some() { 3 } else { 2 });
        let mine = |stored: &&Vec<u8>| stored.starts_with(of.as_ref());
        let listed: Vec<Vec<u8>> = self.stored.iter().filter(mine).cloned().collect();
        match (&wants, &haves) {
            (None, None) => {
                bins(listed.iter().map(|stored| TransientId::of(stored).as_bytes().to_vec()).collect())
            }
            _ => {
                self.asked.push((wants.as_ref().map_or(0, Vec::len), haves.as_ref().map_or(0, Vec::len)));
                self.stored.retain(|stored| {
                    !haves.as_ref().is_some_and(|haves| haves.contains(&TransientId::of(stored)))
                });
                let wanted = |stored: &Vec<u8>| {
                    wants.as_ref().is_some_and(|wants| wants.contains(&TransientId::of(stored)))
                };
                bins(listed.into_iter().filter(wanted).collect())
            }
        }
    }
}

fn announce(cost: u8, message_kb: u64) -> Vec<u8> {
    let mut out = vec![0x97, 0xc2, 0xce, 0x68, 0, 0, 0, 0xc3];
    msgpack::write_uint(&mut out, message_kb);
    msgpack::write_uint(&mut out, 10_240);
    out.extend_from_slice(&[0x93, cost, 3, 18, 0x80]);
    out
}

fn ids(reader: &mut Reader<'_>) -> Option<Vec<TransientId>> {
    let len = match reader.peek().unwrap() {
        msgpack::Item::Nil => {
            reader.read_nil().unwrap();
            return None;
        }
        _ => reader.read_array_len().unwrap(),
    };
    Some((0..len).map(|_| TransientId::new(reader.read_bin_array().unwrap())).collect())
}

fn bins(all: Vec<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_array_len(&mut out, all.len());
    all.iter().for_each(|bytes| msgpack::write_bin(&mut out, bytes));
    out
}

fn uint(number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_uint(&mut out, number);
    out
}
