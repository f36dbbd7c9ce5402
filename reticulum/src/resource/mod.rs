//! Resources: transfers larger than a packet on one link, up to what the receiver agreed to (`spec/reticulum.md`
//! section 8).
//!
//! Owns [`Sender`] and [`Receiver`], each of one whole resource with all its segments, and the jobs that prepare and
//! assemble a segment. Does not own: the link's token for ordinary packets (outputs say what the link has to encrypt),
//! the choice whether to accept, the queue of outgoing resources, nor what a request or response is.
//!
//! # How the link drives them
//!
//! Both have the crate's usual shape: after any call drain `poll_output` until `None`, then ask `poll_timeout`. A value
//! that returned [`Output::Sent`], [`Output::Received`] or [`Output::Failed`] is finished: drop it.
//!
//! | on the link arrives (decrypted, parsed) | call |
//! |---|---|
//! | RESOURCE_ADV, `o` that of a live receiver | [`Receiver::handle_advertisement`] (next segment, or a repetition) |
//! | RESOURCE_ADV, `h` in [`Finished::holds`] | nothing: late repetition of what we have |
//! | RESOURCE_ADV, else | [`Offer::check`]; policy; then [`Receiver::accept`], or send [`rejection`] |
//! | RESOURCE (raw) | [`Receiver::handle_part`] of each live receiver until one returns `true` |
//! | RESOURCE_HMU | [`Receiver::handle_hashmap_update`] of the receiver with that [`Receiver::hash`] |
//! | RESOURCE_ICL | [`Receiver::handle_cancel`] of the receiver with that [`Receiver::hash`] |
//! | RESOURCE_REQ | [`Sender::handle_part_request`] of the sender with that [`Sender::hash`] |
//! | RESOURCE_PRF (raw, proof) | [`Sender::handle_proof`] of each live sender |
//! | RESOURCE_RCL | [`Sender::handle_rejection`] of the sender with that [`Sender::hash`] |
//! | CACHE_REQUEST (raw, 32 bytes) | [`Finished::proof`]; if found, send it again as RESOURCE_PRF |
//! | a [`JobDone`] | `handle_job_done` of whoever gave out the [`Job`] |
//!
//! One outgoing resource travels on a link at a time: the link makes the next [`Sender`] when the present one is done.

mod hashmap;
mod incoming;
mod offer;
mod outgoing;
mod receiver;
mod segment;
mod sender;
#[cfg(test)]
mod tests;
mod window;

use std::collections::VecDeque;

use crate::hash::{LinkId, PacketHash, RequestId, ResourceHash};
use crate::wire::resource::{METADATA_PREFIX_LEN, SEGMENT_MAX};
use crate::wire::{Context, Packet, PacketType};

pub(crate) use offer::Offer;
pub(crate) use receiver::{ReceiveConfig, Receiver};
pub(crate) use segment::{Job, JobDone, compress, inflate};
pub(crate) use sender::{Content, SendConfig, Sender};
pub(crate) use window::Pace;

/// Length of packed metadata: with its three-byte prefix it has to fit the first segment (section 8.1).
pub(crate) const METADATA_LEN_MAX: usize = SEGMENT_MAX - METADATA_PREFIX_LEN;
/// Largest body that is compressed, and that is inflated (section 1.2).
pub(crate) const COMPRESSIBLE_LEN_MAX: u64 = 64 << 20;
/// Parts within which no two map hashes may be equal (section 1.2).
const COLLISION_GUARD: usize = 224;

/// What a resource is for: an application's, or one message of a request that is larger than a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The application's own transfer.
    Plain,
    /// A request (flag u); the id is that of section 7.1.
    Request(RequestId),
    /// A response (flag p) to this request.
    Response(RequestId),
}

impl Purpose {
    /// The id of the request that this is, or answers (`q` of the advertisement).
    pub(crate) fn request(self) -> Option<RequestId> {
        match self {
            Self::Plain => None,
            Self::Request(id) | Self::Response(id) => Some(id),
        }
    }
}

/// What a sender or receiver wants done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Send on the link, as a data packet, encrypted afresh with the link's token. Never reuse an earlier ciphertext:
    /// a sender drops a part request whose packet hash it has seen.
    Sealed {
        /// Context byte.
        context: Context,
        /// What to encrypt.
        plaintext: Vec<u8>,
    },
    /// Send on the link as it is.
    Raw {
        /// Data or proof.
        packet_type: PacketType,
        /// Context byte.
        context: Context,
        /// Packet data.
        data: Vec<u8>,
    },
    /// Send as RESOURCE_PRF with [`Proof::body`] and enter into [`Finished`], as for a proof that the application
    /// releases.
    Prove(Proof),
    /// Run on a pool thread, hand the result to `handle_job_done`.
    Job(Job),
    /// Sender: every segment is proven. Finished.
    Sent,
    /// Receiver: all of it is here. Finished; enter its hash into [`Finished`] with [`Finished::insert`].
    Received(Received),
    /// It is over without success. Whatever the peer has to be told was an output before this one.
    Failed(Failure),
}

/// A complete resource.
#[derive(Debug)]
pub(crate) struct Received {
    /// The content without metadata.
    pub(crate) data: Vec<u8>,
    /// One MessagePack value, as packed by the sender.
    pub(crate) metadata: Option<Vec<u8>>,
    /// Hash of the last segment: the one to enter into [`Finished`].
    pub(crate) hash: ResourceHash,
    /// The proof of the last segment, if it was not sent at once: sending it tells the sender that all is safe.
    pub(crate) proof: Option<Proof>,
}

/// Why a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The other side stopped answering.
    #[error("the peer fell silent")]
    TimedOut,
    /// The receiver refused or gave up (RCL).
    #[error("the receiver rejected it")]
    Rejected,
    /// The sender gave up (ICL), or this side's application did.
    #[error("cancelled")]
    Cancelled,
    /// What arrived does not open, does not inflate or does not have the advertised hash.
    #[error("what arrived is not what was advertised")]
    Corrupt,
    /// It inflates to more than was advertised: an attack. The link is to be torn down (section 8.9).
    #[error("inflates to more than was advertised")]
    Bomb,
    /// The peer broke the rules of the hashmap.
    #[error("the peer broke protocol")]
    Protocol,
}

/// The proof of one segment, which only who holds the plain body can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    hash: ResourceHash,
    proof: [u8; 32],
}

impl Proof {
    /// The segment it proves.
    pub(crate) fn hash(&self) -> ResourceHash {
        self.hash
    }

    /// Data of the RESOURCE_PRF packet.
    pub(crate) fn body(&self) -> [u8; 64] {
        let mut body = [0; 64];
        body[..32].copy_from_slice(self.hash.as_bytes());
        body[32..].copy_from_slice(&self.proof);
        body
    }

    /// Hash of the RESOURCE_PRF packet on `link`, by which a cache request asks for it (section 8.10).
    pub(crate) fn packet_hash(&self, link: LinkId) -> PacketHash {
        Packet::link_proof(link, Context::RESOURCE_PRF, &self.body()).hash()
    }
}

/// The resources a link received lately: their late advertisements are ignored, their lost proofs sent again.
///
/// Holds [`Finished::LEN_MAX`] segments, the oldest makes room.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    segments: VecDeque<(ResourceHash, Option<(PacketHash, Proof)>)>,
}

impl Finished {
    /// Segments remembered. A sender asks for a lost proof while it waits for nothing else, so a few are enough.
    pub(crate) const LEN_MAX: usize = 32;

    /// Remembers a received segment whose proof is not sent yet.
    pub(crate) fn insert(&mut self, hash: ResourceHash) {
        if !self.holds(&hash) {
            if self.segments.len() == Self::LEN_MAX {
                self.segments.pop_front();
            }
            self.segments.push_back((hash, None));
        }
    }

    /// Remembers a proof that is being sent on `link`.
    pub(crate) fn insert_proof(&mut self, link: LinkId, proof: Proof) {
        self.insert(proof.hash);
        let entry = self.segments.iter_mut().find(|(hash, _)| *hash == proof.hash);
        entry.expect("inserted above").1 = Some((proof.packet_hash(link), proof));
    }

    /// Whether this segment was received lately.
    pub(crate) fn holds(&self, hash: &ResourceHash) -> bool {
        self.segments.iter().any(|(held, _)| held == hash)
    }

    /// The proof whose packet has this hash.
    pub(crate) fn proof(&self, packet: &PacketHash) -> Option<Proof> {
        self.segments
            .iter()
            .filter_map(|(_, proof)| *proof)
            .find(|(hash, _)| hash == packet)
            .map(|(_, proof)| proof)
    }
}

/// The RESOURCE_RCL that refuses an advertisement.
pub(crate) fn rejection(hash: ResourceHash) -> Output {
    Output::Sealed { context: Context::RESOURCE_RCL, plaintext: hash.as_bytes().to_vec() }
}
