//! Public-key and other heavy work, as values that run elsewhere and come back.
//!
//! A job carries all that its result needs, so nothing waits for it in a table and a job that is lost only loses what
//! it would have done.

use std::fmt;
use std::sync::Arc;

use super::ids::{InterfaceId, Priority, ReceiptId, WorkId};
use crate::crypto::{
    Claim, Identity, OpenError, Opened, PublicIdentity, RatchetPublic, RatchetSecret, Vouched,
};
use crate::hash::{DestinationHash, LinkId, NameHash, PacketHash, ProofAddress};
use crate::link::{Answer, AnswerJob, LinkJob, LinkJobDone};
use crate::transport::{
    Announced, Introduction, Proof, Signed, TunnelId, Unproven, tell_tunnel, verify_tunnel,
};
use crate::wire::link::LinkProof;
use crate::wire::{Announce, AnnounceError, Packet};

/// How long a piece of work takes, which decides who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkClass {
    /// Tens of microseconds. The driver hands results of this class back in the order of submission.
    Packet,
    /// Milliseconds and more, in any order.
    Heavy,
}

/// Work to run. Each one must come back, or what depends on it never happens.
#[derive(Debug)]
pub struct Work {
    pub(super) id: WorkId,
    pub(super) job: Job,
}

/// The result of a [`Work`].
#[derive(Debug)]
pub struct WorkDone {
    id: WorkId,
    pub(super) done: Done,
}

impl Work {
    /// Names it.
    pub fn id(&self) -> WorkId {
        self.id
    }

    /// Who should run it.
    pub fn class(&self) -> WorkClass {
        match &self.job {
            Job::Open(job) if job.all => WorkClass::Heavy,
            Job::Link(_, job) if job.is_heavy() => WorkClass::Heavy,
            _ => WorkClass::Packet,
        }
    }

    /// What it has to verify, if that is most of it: whoever runs several can do that
    /// [together](crate::crypto::verify_all) and then [run them](Self::run_vouched).
    pub fn claim(&self) -> Option<Claim> {
        match &self.job {
            Job::HearAnnounce(job) => job.claim(),
            Job::Verify(proof) => Some(proof.claim()),
            Job::Link(_, job) => job.claim(),
            _ => None,
        }
    }

    /// Runs it, on any thread.
    pub fn run(self) -> WorkDone {
        self.run_vouched(None)
    }

    /// Runs it, and verifies its [`claim`](Self::claim) only if nobody vouches for that.
    pub fn run_vouched(self, vouched: Option<Vouched>) -> WorkDone {
        let done = match self.job {
            Job::HearAnnounce(job) => Done::AnnounceHeard(job.run(vouched)),
            Job::Announce(job) => Done::Announced(job.destination, job.run()),
            Job::TellTunnel(job) => {
                Done::TunnelTold(job.interface, tell_tunnel(&job.identity, &job.hash, &job.random))
            }
            Job::HearTunnel(interface, body) => Done::TunnelHeard(interface, verify_tunnel(&body)),
            Job::Open(job) => Done::Opened(job.run()),
            Job::Seal(job) => Done::Sealed(job.run()),
            Job::Verify(proof) => {
                let valid = vouched.is_some() || proof.claim().verify();
                Done::Verified(proof.address, valid)
            }
            Job::Answer(link, job) => Done::Answered(link, job.run().map(Box::new)),
            Job::Link(link, job) => Done::Link(link, job.run(vouched)),
            Job::RelayProof(job) => Done::RelayProof(Box::new(job.run())),
            Job::Prove(job) => Done::Proven(job.interface, job.hash, job.identity.sign(job.hash.as_ref())),
        };
        WorkDone { id: self.id, done }
    }
}

impl WorkDone {
    /// Names the work that it results from.
    pub fn id(&self) -> WorkId {
        self.id
    }
}

#[derive(Debug)]
pub(super) enum Job {
    HearAnnounce(HearAnnounceJob),
    Announce(AnnounceJob),
    TellTunnel(TellTunnelJob),
    HearTunnel(InterfaceId, Vec<u8>),
    Open(OpenJob),
    Seal(SealJob),
    Verify(Proof),
    Prove(ProveJob),
    Answer(LinkId, AnswerJob),
    Link(LinkId, LinkJob),
    RelayProof(Box<RelayProofJob>),
}

#[derive(Debug)]
pub(super) enum Done {
    AnnounceHeard(AnnounceHeard),
    Announced(DestinationHash, Vec<u8>),
    TunnelTold(InterfaceId, Vec<u8>),
    TunnelHeard(InterfaceId, Option<TunnelId>),
    Opened(OpenDone),
    Sealed(SealDone),
    Verified(ProofAddress, bool),
    Proven(InterfaceId, PacketHash, [u8; 64]),
    Answered(LinkId, Option<Box<Answer>>),
    Link(LinkId, LinkJobDone),
    RelayProof(Box<RelayProofDone>),
}

/// Verifies an announce, one Ed25519 verification.
#[derive(Debug)]
pub(super) struct HearAnnounceJob {
    pub(super) announce: Unproven,
    /// Whether it came through ingress control, which waits for the result.
    pub(super) counts: bool,
}

/// What a [`HearAnnounceJob`] came to.
#[derive(Debug)]
pub(super) struct AnnounceHeard {
    pub(super) interface: InterfaceId,
    pub(super) counts: bool,
    pub(super) result: Result<Box<Announced>, AnnounceError>,
}

impl HearAnnounceJob {
    /// `None` if it is wrong without its signature already.
    fn claim(&self) -> Option<Claim> {
        let packet = Packet::parse(&self.announce.frame).ok()?;
        Announce::parse(&packet).ok()?.claim().ok()
    }

    fn run(self, vouched: Option<Vouched>) -> AnnounceHeard {
        let (interface, counts) = (self.announce.heard.interface, self.counts);
        AnnounceHeard { interface, counts, result: self.check(vouched) }
    }

    fn check(self, vouched: Option<Vouched>) -> Result<Box<Announced>, AnnounceError> {
        let Unproven { frame, heard, path_response } = self.announce;
        let packet = Packet::parse(&frame).map_err(|_| AnnounceError::Truncated)?;
        let announce = Announce::parse(&packet)?;
        let introduction = Introduction {
            identity: Arc::new(announce.verify_unless(vouched)?),
            app_data: announce.app_data.map(<[u8]>::to_vec),
            ratchet: announce.ratchet,
            emitted_s: announce.emission_secs(),
            signed: Signed {
                name_hash: announce.name_hash,
                random_blob: announce.random_blob,
                signature: *announce.signature,
                has_ratchet: announce.ratchet.is_some(),
            },
        };
        let (destination, name_hash) = (announce.destination, announce.name_hash);
        Ok(Box::new(Announced { destination, name_hash, heard, introduction, path_response }))
    }
}

/// Signs what tells our tunnel over an interface.
#[derive(Debug)]
pub(super) struct TellTunnelJob {
    pub(super) identity: Arc<Identity>,
    pub(super) interface: InterfaceId,
    /// Of the interface's name.
    pub(super) hash: [u8; 32],
    pub(super) random: [u8; 16],
}

/// Signs an announce of ours.
#[derive(Debug)]
pub(super) struct AnnounceJob {
    pub(super) identity: Arc<Identity>,
    pub(super) destination: DestinationHash,
    pub(super) name_hash: NameHash,
    pub(super) random_blob: [u8; 10],
    pub(super) ratchet: Option<RatchetPublic>,
    pub(super) app_data: Vec<u8>,
}

impl AnnounceJob {
    fn run(self) -> Vec<u8> {
        Announce::build(
            &self.identity,
            self.destination,
            self.name_hash,
            self.random_blob,
            self.ratchet.as_ref(),
            &self.app_data,
        )
    }
}

/// Opens a single packet for us: one key agreement a key tried.
pub(super) struct OpenJob {
    pub(super) destination: DestinationHash,
    pub(super) interface: InterfaceId,
    pub(super) hash: PacketHash,
    pub(super) identity: Arc<Identity>,
    pub(super) ratchets: Arc<[RatchetSecret]>,
    /// Second attempt, with every ratchet that is kept.
    pub(super) all: bool,
    pub(super) payload: Vec<u8>,
}

/// What an [`OpenJob`] came to.
#[derive(Debug)]
pub(super) struct OpenDone {
    pub(super) destination: DestinationHash,
    pub(super) interface: InterfaceId,
    pub(super) hash: PacketHash,
    pub(super) result: Result<Opened, OpenError>,
    /// The older ratchet that opened it.
    pub(super) useful: Option<RatchetSecret>,
    /// For a second attempt, if this was the first and failed.
    pub(super) payload: Option<Vec<u8>>,
}

impl OpenJob {
    fn run(self) -> OpenDone {
        let (result, useful) = if self.all {
            self.try_all()
        } else {
            (self.identity.open(&self.ratchets, &self.payload, false), None)
        };
        let retry = !self.all && result == Err(OpenError::NoKey);
        OpenDone {
            destination: self.destination,
            interface: self.interface,
            hash: self.hash,
            result,
            useful,
            payload: retry.then_some(self.payload),
        }
    }

    fn try_all(&self) -> (Result<Opened, OpenError>, Option<RatchetSecret>) {
        for ratchet in &*self.ratchets {
            match self.identity.open(std::slice::from_ref(ratchet), &self.payload, true) {
                Err(OpenError::NoKey) => {}
                result => return (result, Some(ratchet.clone())),
            }
        }
        (Err(OpenError::NoKey), None)
    }
}

impl fmt::Debug for OpenJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenJob({})", self.hash)
    }
}

/// Seals a single packet of ours: one key pair and one key agreement.
pub(super) struct SealJob {
    pub(super) destination: DestinationHash,
    pub(super) receipt: ReceiptId,
    pub(super) priority: Priority,
    pub(super) recipient: Arc<PublicIdentity>,
    pub(super) ratchet: Option<RatchetPublic>,
    pub(super) entropy: [u8; 48],
    pub(super) plaintext: Vec<u8>,
}

/// What a [`SealJob`] came to.
#[derive(Debug)]
pub(super) struct SealDone {
    pub(super) destination: DestinationHash,
    pub(super) receipt: ReceiptId,
    pub(super) priority: Priority,
    pub(super) recipient: Arc<PublicIdentity>,
    pub(super) payload: Vec<u8>,
}

impl SealJob {
    fn run(self) -> SealDone {
        let payload = self.recipient.seal(self.ratchet.as_ref(), &self.entropy, &self.plaintext);
        let Self { destination, receipt, priority, recipient, .. } = self;
        SealDone { destination, receipt, priority, recipient, payload }
    }
}

impl fmt::Debug for SealJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealJob({})", self.receipt)
    }
}

/// Signs the proof of a single packet.
#[derive(Debug)]
pub(super) struct ProveJob {
    pub(super) identity: Arc<Identity>,
    pub(super) interface: InterfaceId,
    pub(super) hash: PacketHash,
}

/// Verifies the proof of a link that passes through us.
#[derive(Debug)]
pub(super) struct RelayProofJob {
    pub(super) link: LinkId,
    pub(super) interface: InterfaceId,
    pub(super) hops: u8,
    pub(super) hash: PacketHash,
    /// As it is to go on.
    pub(super) frame: Vec<u8>,
    pub(super) proof: LinkProof,
    pub(super) signer: Arc<PublicIdentity>,
}

/// What a [`RelayProofJob`] came to.
#[derive(Debug)]
pub(super) struct RelayProofDone {
    pub(super) link: LinkId,
    pub(super) interface: InterfaceId,
    pub(super) hops: u8,
    pub(super) hash: PacketHash,
    pub(super) frame: Vec<u8>,
    pub(super) valid: bool,
}

impl RelayProofJob {
    fn run(self) -> RelayProofDone {
        let Self { link, interface, hops, hash, frame, proof, signer } = self;
        RelayProofDone { link, interface, hops, hash, frame, valid: proof.verify(&signer, link) }
    }
}
