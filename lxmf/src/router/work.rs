//! Signing, verifying and proof of work, as values that run on any thread and come back.

use std::sync::Arc;

use reticulum::crypto::{Claim, Identity, PublicIdentity, RatchetPublic, RatchetSecret, Vouched};
use reticulum::hash::DestinationHash;
use reticulum::node::{PendingProof, WorkClass};

use super::inbound::Arrival;
use super::outbound::SendId;
use super::stamping::{Check, StampSearch};
use super::sync::Fetched;
use crate::fields::Fields;
use crate::message::{Draft, Message, Packed};
use crate::stamp::Searched;

/// Work to run. Each one must come back, or what depends on it never happens.
#[derive(Debug)]
pub struct Work(Job);

#[derive(Debug)]
enum Job {
    Verify(Box<VerifyJob>),
    Pack(Box<PackJob>),
    Check(Check),
    Search(Box<StampSearch>),
    Seal(Box<SealJob>),
    Open(OpenJob),
}

/// The message that arrived, and whose signature it should bear.
#[derive(Debug)]
pub(super) struct VerifyJob {
    pub(super) arrival: Arrival,
    pub(super) identity: Arc<PublicIdentity>,
}

/// A message to be signed; owned, because the job leaves for another thread.
#[derive(Debug)]
pub(super) struct PackJob {
    pub(super) send: SendId,
    pub(super) identity: Arc<Identity>,
    pub(super) destination: DestinationHash,
    pub(super) source: DestinationHash,
    pub(super) timestamp: f64,
    pub(super) title: Vec<u8>,
    pub(super) content: Vec<u8>,
    pub(super) fields: Fields,
}

/// A message to be sealed for a propagation node.
pub(super) struct SealJob {
    pub(super) send: SendId,
    pub(super) destination: DestinationHash,
    pub(super) recipient: Arc<PublicIdentity>,
    pub(super) ratchet: Option<RatchetPublic>,
    pub(super) entropy: [u8; 48],
    /// Without its destination.
    pub(super) body: Vec<u8>,
}

impl std::fmt::Debug for SealJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealJob({:?})", self.send)
    }
}

/// Where a message came from that was not sent as a packet.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A propagation node.
    Fetched(Fetched),
    /// Our own propagation node; with what tells who uploaded it that it arrived.
    Stored(PendingProof),
    /// Paper.
    Paper,
}

/// What somebody sealed for one of ours and did not send as a packet.
pub(super) struct OpenJob {
    pub(super) origin: Origin,
    pub(super) destination: DestinationHash,
    pub(super) identity: Arc<Identity>,
    pub(super) ratchets: Arc<[RatchetSecret]>,
    pub(super) sealed: Vec<u8>,
}

impl std::fmt::Debug for OpenJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenJob({:?})", self.origin)
    }
}

/// The result of a [`Work`].
#[derive(Debug)]
pub struct WorkDone(pub(super) Done);

#[derive(Debug)]
pub(super) enum Done {
    Verified(Box<Verified>),
    Packed {
        send: SendId,
        packed: Packed,
    },
    Checked {
        check: Check,
        valid: bool,
    },
    /// `stored`: as propagation nodes keep it.
    Sealed {
        send: SendId,
        stored: Vec<u8>,
    },
    Opened {
        origin: Origin,
        destination: DestinationHash,
        body: Option<Vec<u8>>,
    },
    /// `before`: trials of earlier slices.
    Searched {
        send: SendId,
        cost: u8,
        before: u64,
        searched: Box<Searched>,
    },
}

/// What became of a [`VerifyJob`]: the message, if the signature is right.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) message: Option<Message>,
    pub(super) job: VerifyJob,
}

impl Work {
    pub(super) fn verify(job: VerifyJob) -> Self {
        Self(Job::Verify(Box::new(job)))
    }

    pub(super) fn pack(job: PackJob) -> Self {
        Self(Job::Pack(Box::new(job)))
    }

    pub(super) fn check(check: Check) -> Self {
        Self(Job::Check(check))
    }

    pub(super) fn search(search: StampSearch) -> Self {
        Self(Job::Search(Box::new(search)))
    }

    pub(super) fn seal(job: SealJob) -> Self {
        Self(Job::Seal(Box::new(job)))
    }

    pub(super) fn open(job: OpenJob) -> Self {
        Self(Job::Open(job))
    }

    /// Who should run it. What is not heavy is one signature and a few microseconds more.
    pub fn class(&self) -> WorkClass {
        match self.0 {
            Job::Verify(_) | Job::Pack(_) | Job::Seal(_) => WorkClass::Packet,
            // Up to 513 keys are tried to open one.
            Job::Check(_) | Job::Search(_) | Job::Open(_) => WorkClass::Heavy,
        }
    }

    /// What it has to verify, if that is most of it: whoever runs several can do that
    /// [together](reticulum::crypto::verify_all) and then [run them](Self::run_vouched).
    pub fn claim(&self) -> Option<Claim> {
        match &self.0 {
            Job::Verify(job) => job.arrival.parse().ok().map(|message| message.claim(&job.identity).1),
            _ => None,
        }
    }

    /// Runs it, on any thread.
    pub fn run(self) -> WorkDone {
        self.run_vouched(None)
    }

    /// Runs it, and verifies its [`claim`](Self::claim) only if nobody vouches for that.
    pub fn run_vouched(self, vouched: Option<Vouched>) -> WorkDone {
        WorkDone(match self.0 {
            Job::Verify(job) => {
                let parsed = job.arrival.parse().ok();
                let message = parsed.and_then(|message| message.verify_unless(vouched, &job.identity));
                Done::Verified(Box::new(Verified { message, job: *job }))
            }
            Job::Pack(job) => Done::Packed { send: job.send, packed: job.run() },
            Job::Seal(job) => {
                let SealJob { send, destination, recipient, ratchet, entropy, body } = *job;
                let sealed = recipient.seal(ratchet.as_ref(), &entropy, &body);
                Done::Sealed { send, stored: [destination.as_ref(), &sealed].concat() }
            }
            Job::Open(OpenJob { origin, destination, identity, ratchets, sealed }) => {
                let opened = identity.open(&ratchets, &sealed, false);
                Done::Opened { origin, destination, body: opened.ok().map(|opened| opened.plaintext) }
            }
            Job::Check(check) => Done::Checked { valid: check.run(), check },
            Job::Search(job) => {
                let StampSearch { send, search } = *job;
                let (cost, before) = (search.cost(), search.trials());
                Done::Searched { send, cost, before, searched: Box::new(search.run()) }
            }
        })
    }
}

impl PackJob {
    fn run(&self) -> Packed {
        let draft = Draft {
            destination: self.destination,
            source: self.source,
            timestamp: self.timestamp,
            title: &self.title,
            content: &self.content,
            fields: &self.fields,
        };
        draft.pack(&self.identity)
    }
}
