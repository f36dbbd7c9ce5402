//! Public-key and bulk work of a link, as values that run elsewhere and come back to `Link::handle_job_done`.

use std::fmt;
use std::sync::Arc;

use super::buffer::{PackJob, Packed, UnpackJob};
use super::handshake::{LinkProofDone, LinkProofJob};
use crate::crypto::{Claim, Identity, SigningKey, Vouched};
use crate::hash::PacketHash;
use crate::node::ResourceId;
use crate::resource;

/// Work to run on any thread. Each must come back.
#[derive(Debug)]
pub(crate) enum LinkJob {
    /// Initiator: verify the responder's proof and derive the session key.
    LinkProof(Box<LinkProofJob>),
    /// Sign the proof of a packet.
    Sign(SignJob),
    /// Verify the proof of a packet.
    Verify(VerifyJob),
    /// Compress a piece of a stream.
    Pack(PackJob),
    /// Inflate one.
    Unpack(UnpackJob),
    /// Prepare or assemble a segment of a resource.
    Resource(ResourceId, Box<resource::Job>),
}

/// What a [`LinkJob`] came to.
#[derive(Debug)]
pub(crate) enum LinkJobDone {
    /// See [`LinkJob::LinkProof`].
    LinkProof(LinkProofDone),
    /// See [`LinkJob::Sign`].
    Signed(PacketHash, [u8; 64]),
    /// See [`LinkJob::Verify`].
    Verified(PacketHash, bool),
    /// See [`LinkJob::Pack`].
    Packed(Packed),
    /// See [`LinkJob::Unpack`]; none if it is corrupt.
    Unpacked(Option<Vec<u8>>),
    /// See [`LinkJob::Resource`].
    Resource(ResourceId, resource::JobDone),
}

/// Signs the hash of a packet.
pub(crate) struct SignJob {
    pub(super) signer: Signer,
    pub(super) hash: PacketHash,
}

/// Verifies the signature of a packet's hash.
#[derive(Debug)]
pub(crate) struct VerifyJob {
    pub(super) key: [u8; 32],
    pub(super) hash: PacketHash,
    pub(super) signature: [u8; 64],
}

/// The key under which this end of a link signs proofs (section 6.5).
#[derive(Clone)]
pub(super) enum Signer {
    /// Initiator: made for this link.
    Ephemeral(Arc<SigningKey>),
    /// Responder: the destination's.
    Identity(Arc<Identity>),
}

impl LinkJob {
    /// Whether it takes milliseconds rather than tens of microseconds.
    pub(crate) fn is_heavy(&self) -> bool {
        matches!(self, Self::Resource(..) | Self::Pack(_) | Self::Unpack(_))
    }

    /// What it has to verify, if that is all of it.
    pub(crate) fn claim(&self) -> Option<Claim> {
        match self {
            Self::Verify(job) => Some(job.claim()),
            _ => None,
        }
    }

    /// Does it; `vouched` says that its [`claim`](Self::claim) is true.
    pub(crate) fn run(self, vouched: Option<Vouched>) -> LinkJobDone {
        match self {
            Self::LinkProof(job) => LinkJobDone::LinkProof(job.run()),
            Self::Sign(job) => LinkJobDone::Signed(job.hash, job.signer.sign(job.hash.as_ref())),
            Self::Verify(job) => LinkJobDone::Verified(job.hash, vouched.is_some() || job.claim().verify()),
            Self::Pack(job) => LinkJobDone::Packed(job.run()),
            Self::Unpack(job) => LinkJobDone::Unpacked(job.run()),
            Self::Resource(id, job) => LinkJobDone::Resource(id, job.run()),
        }
    }
}

impl VerifyJob {
    fn claim(&self) -> Claim {
        Claim::new(self.key, self.hash.as_ref().to_vec(), self.signature)
    }
}

impl Signer {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self {
            Self::Ephemeral(key) => key.sign(message),
            Self::Identity(identity) => identity.sign(message),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer([redacted])")
    }
}

impl fmt::Debug for SignJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignJob({})", self.hash)
    }
}
