//! Announces: a destination's identity, signed, with a time, a ratchet and application data (spec 4.1, 4.2).

use thiserror::Error;

use super::{DestinationType, MTU, Packet, PacketType};
use crate::crypto::{Claim, Identity, PublicIdentity, RatchetPublic, Vouched};
use crate::hash::{DestinationHash, IdentityHash, NameHash};
use crate::time::UnixTime;

/// Length of an announce's data without ratchet and application data.
const DATA_MIN: usize = 148;

/// Why an announce is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AnnounceError {
    /// Not an announce of a single destination.
    #[error("not an announce of a single destination")]
    Type,
    /// The frame is longer than 500 bytes.
    #[error("announce longer than the base MTU")]
    Oversized,
    /// A field is cut off.
    #[error("announce too short")]
    Truncated,
    /// The announced destination does not belong to the announced identity and name.
    #[error("announced destination does not match its identity")]
    Destination,
    /// The signature is not the announced identity's.
    #[error("announce signature is invalid")]
    Signature,
}

/// The fields of an announce, borrowed from its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announce<'a> {
    /// The announced destination, from the packet's header.
    pub destination: DestinationHash,
    /// The announcing identity's public form.
    pub identity: &'a [u8; 64],
    /// The hash of the destination's name.
    pub name_hash: NameHash,
    /// Five random bytes and the emission time; see [`emission_secs`].
    pub random_blob: [u8; 10],
    /// The newest ratchet, which senders use instead of the identity's key.
    pub ratchet: Option<RatchetPublic>,
    /// Over everything else.
    pub signature: &'a [u8; 64],
    /// What the application says about itself. An announce with a ratchet always has some, if only an empty slice.
    pub app_data: Option<&'a [u8]>,
}

impl<'a> Announce<'a> {
    /// Takes an announce apart, without believing it yet.
    pub fn parse(packet: &Packet<'a>) -> Result<Self, AnnounceError> {
        let header = &packet.header;
        if (header.packet_type, header.destination_type) != (PacketType::Announce, DestinationType::Single) {
            return Err(AnnounceError::Type);
        }
        if packet.frame_len() > MTU {
            return Err(AnnounceError::Oversized);
        }
        Self::parse_data(header.destination_hash(), header.context_flag, packet.data)
            .ok_or(AnnounceError::Truncated)
    }

    fn parse_data(destination: DestinationHash, has_ratchet: bool, data: &'a [u8]) -> Option<Self> {
        let (identity, rest) = data.split_first_chunk()?;
        let (name_hash, rest) = rest.split_first_chunk()?;
        let (random_blob, rest) = rest.split_first_chunk()?;
        let (ratchet, rest) = if has_ratchet {
            let (ratchet, rest) = rest.split_first_chunk()?;
            (Some(RatchetPublic::from_bytes(*ratchet)), rest)
        } else {
            (None, rest)
        };
        let (signature, app_data) = rest.split_first_chunk()?;
        Some(Self {
            destination,
            identity,
            name_hash: NameHash::new(*name_hash),
            random_blob: *random_blob,
            ratchet,
            signature,
            app_data: (data.len() > DATA_MIN).then_some(app_data),
        })
    }

    /// Builds the data of an announce of `identity`'s destination, signed. `random_blob` is from [`random_blob`]. The
    /// caller keeps `app_data` within [`super::APP_DATA_MAX`] or [`super::APP_DATA_MAX_WITH_RATCHET`].
    pub fn build(
        identity: &Identity,
        destination: DestinationHash,
        name_hash: NameHash,
        random_blob: [u8; 10],
        ratchet: Option<&RatchetPublic>,
        app_data: &[u8],
    ) -> Vec<u8> {
        let public = identity.public().to_bytes();
        let mut announce = Announce {
            destination,
            identity: &public,
            name_hash,
            random_blob,
            ratchet: ratchet.copied(),
            signature: &[0; 64],
            app_data: Some(app_data),
        };
        let signature = identity.sign(&announce.signed_message());
        announce.signature = &signature;
        announce.data()
    }

    /// The packet's data field.
    pub fn data(&self) -> Vec<u8> {
        let ratchet = self.ratchet.as_ref().map_or(&[][..], |ratchet| ratchet.as_bytes());
        [
            self.identity,
            self.name_hash.as_ref(),
            &self.random_blob,
            ratchet,
            self.signature,
            self.app_data.unwrap_or_default(),
        ]
        .concat()
    }

    /// The hash of the announcing identity.
    pub fn identity_hash(&self) -> IdentityHash {
        IdentityHash::of(&[self.identity])
    }

    /// Unix seconds at which the announce was emitted, by its sender's clock.
    pub fn emission_secs(&self) -> u64 {
        emission_secs(&self.random_blob)
    }

    /// Whether the destination is one of the announced identity, under the announced name. Two hashes: worth asking
    /// before the signature.
    pub fn is_of_its_identity(&self) -> bool {
        DestinationHash::of_single(self.name_hash, self.identity_hash()) == self.destination
    }

    /// Checks destination and signature. One Ed25519 verification, if the destination is right.
    pub fn verify(&self) -> Result<PublicIdentity, AnnounceError> {
        self.verify_unless(None)
    }

    /// The same, but for the signature if somebody vouches for the [`claim`](Self::claim).
    pub(crate) fn verify_unless(&self, vouched: Option<Vouched>) -> Result<PublicIdentity, AnnounceError> {
        let claim = self.claim()?;
        if vouched.is_none() && !claim.verify() {
            return Err(AnnounceError::Signature);
        }
        let (x25519, ed25519) = crate::crypto::halves(self.identity);
        Ok(PublicIdentity::from_halves(x25519, ed25519))
    }

    /// Checks the destination, and says what the signature has to be checked against. Two hashes.
    pub(crate) fn claim(&self) -> Result<Claim, AnnounceError> {
        if !self.is_of_its_identity() {
            return Err(AnnounceError::Destination);
        }
        let (_, ed25519) = crate::crypto::halves(self.identity);
        Ok(Claim::new(ed25519, self.signed_message(), *self.signature))
    }

    /// The destination comes first here, though it is not in the data.
    fn signed_message(&self) -> Vec<u8> {
        let ratchet = self.ratchet.as_ref().map_or(&[][..], |ratchet| ratchet.as_bytes());
        [
            self.destination.as_ref(),
            self.identity,
            self.name_hash.as_ref(),
            &self.random_blob,
            ratchet,
            self.app_data.unwrap_or_default(),
        ]
        .concat()
    }
}

/// The random blob of an announce emitted at `now`. Two announces within one second count as one.
pub fn random_blob(random: [u8; 5], now: UnixTime) -> [u8; 10] {
    let [_, _, _, t4, t3, t2, t1, t0] = now.as_secs().to_be_bytes();
    let [r0, r1, r2, r3, r4] = random;
    [r0, r1, r2, r3, r4, t4, t3, t2, t1, t0]
}

/// The emission time in a random blob, in unix seconds.
pub fn emission_secs(random_blob: &[u8; 10]) -> u64 {
    let [_, _, _, _, _, t4, t3, t2, t1, t0] = *random_blob;
    u64::from_be_bytes([0, 0, 0, t4, t3, t2, t1, t0])
}
