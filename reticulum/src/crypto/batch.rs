//! Many Ed25519 signatures checked at once (spec 2.6): half the work of one by one, a quarter if one key made them all.
//!
//! A signature (R, s) over M under A is right if s·B − R − h·A = 0, with h = SHA-512(R ‖ A ‖ M). Each of these sums is
//! multiplied by a number of its own that nobody could foresee, and it is the total that must vanish. So the doublings, most
//! of the work, are done once for all, and what is to be added of the same key is added up first.
//!
//! Owns no policy: who puts claims together, and what happens after a false one, is decided where work is run.
//!
//! # What is accepted
//!
//! The total is multiplied by the cofactor, eight, and [`verify_ed25519`](super::verify_ed25519) does not do that. RFC 8032
//! (5.1.7) has both ways to verify. They differ only in signatures whose R or A has a component of small order, which takes
//! the private key to make: whoever can make one could as well have signed the same message properly. So nobody can be
//! made to have said anything, and it is harmless that such a signature passes in company and fails alone.

use std::collections::BTreeMap;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use sha2::{Digest, Sha256, Sha512};

use super::{Rng, verify_ed25519};

/// That somebody signed something; true or not.
#[derive(Clone, Debug)]
pub struct Claim {
    key: [u8; 32],
    message: Vec<u8>,
    signature: [u8; 64],
}

/// The word of [`verify_all`] that every claim it was given is true. Nothing else makes one.
#[derive(Clone, Copy, Debug)]
pub struct Vouched(());

/// What a claim adds to the total.
struct Term {
    h: [u8; 64],
    r: EdwardsPoint,
    s: Scalar,
}

impl Claim {
    /// That the holder of the Ed25519 key `key` signed `message`.
    pub fn new(key: [u8; 32], message: Vec<u8>, signature: [u8; 64]) -> Self {
        Self { key, message, signature }
    }

    /// Whether it is true. One Ed25519 verification.
    pub fn verify(&self) -> bool {
        verify_ed25519(&self.key, &self.message, &self.signature)
    }

    /// `None` if the signature cannot be right whatever was signed.
    fn term(&self) -> Option<Term> {
        let (r, s) = super::halves(&self.signature);
        let hash = Sha512::new().chain_update(r).chain_update(self.key).chain_update(&self.message);
        Some(Term {
            h: hash.finalize().into(),
            r: is_reduced(&r).then(|| CompressedEdwardsY(r).decompress())??,
            s: Option::from(Scalar::from_canonical_bytes(s))?,
        })
    }
}

/// Verifies all claims together. `None` if any of them is false, or could not be right: which one, it does not tell. Costs
/// about 20 microseconds for each key and 10 for each signature more, of 45 for one alone; two claims are the least that
/// pay.
pub fn verify_all<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> Option<Vouched> {
    let claims: Vec<_> = claims.into_iter().collect();
    let terms = claims.iter().map(|claim| claim.term()).collect::<Option<Vec<_>>>()?;
    let mut factors = factors(&terms);
    let (mut scalars, mut points) = (Vec::new(), Vec::new());
    let (mut base, mut keys) = (Scalar::ZERO, BTreeMap::<_, Scalar>::new());
    for (claim, term) in claims.iter().zip(&terms) {
        let factor = Scalar::from(u128::from_le_bytes(factors.bytes()));
        base += factor * term.s;
        *keys.entry(claim.key).or_default() += factor * Scalar::from_bytes_mod_order_wide(&term.h);
        scalars.push(factor);
        points.push(Some(term.r));
    }
    for (key, sum) in keys {
        scalars.push(sum);
        points.push(CompressedEdwardsY(key).decompress());
    }
    scalars.push(-base);
    points.push(Some(ED25519_BASEPOINT_POINT));
    // Nothing here is secret, so the time may depend on it.
    let total = EdwardsPoint::optional_multiscalar_mul(scalars, points)?;
    total.is_small_order().then_some(Vouched(()))
}

/// The numbers that the sums are multiplied by. They follow from all claims, so they need no randomness from outside: whoever
/// changes a claim to suit them changes all of them. To be right by chance takes 2^128 tries.
fn factors(terms: &[Term]) -> Rng {
    let hash = terms.iter().fold(Sha256::new(), |hash, term| {
        // R, A and M are in h.
        hash.chain_update(term.h).chain_update(term.s.as_bytes())
    });
    Rng::from_seed(hash.finalize().into())
}

/// Whether a point's y coordinate is written as a number below 2^255 − 19, as [`verify_ed25519`](super::verify_ed25519) wants.
fn is_reduced(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    *first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|&byte| byte != 0xff)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::SigningKey;

    fn signer(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    fn claim(number: u8, message: &[u8]) -> Claim {
        let key = signer(number);
        Claim::new(key.public(), message.to_vec(), key.sign(message))
    }

    fn claims(signers: &[u8]) -> Vec<Claim> {
        signers.iter().zip(0u8..).map(|(&number, at)| claim(number, &[at; 40])).collect()
    }

    #[test]
    fn true_claims_are_true_together() {
        for signers in [&[][..], &[1], &[1, 2], &[1, 1, 1], &[1, 2, 1, 3, 2, 1, 4]] {
            assert!(verify_all(&claims(signers)).is_some(), "{signers:?}");
        }
        let crowd: Vec<u8> = (0..200).collect();
        assert!(verify_all(&claims(&crowd)).is_some());
        assert!(verify_all(&[claim(1, b"again"), claim(1, b"again")]).is_some());
    }

    #[test]
    fn two_false_claims_do_not_make_up_for_each_other() {
        // The sums of these two are each other's opposite: with equal factors the total would vanish.
        let mut two = [claim(1, b"one"), claim(1, b"two")];
        for (claim, change) in two.iter_mut().zip([Scalar::ONE, -Scalar::ONE]) {
            let (_, s) = crate::crypto::halves(&claim.signature);
            let s = Scalar::from_canonical_bytes(s).unwrap() + change;
            claim.signature[32..].copy_from_slice(s.as_bytes());
        }
        assert!(verify_all(&two).is_none());
        // Nor do signatures of the same key that changed places.
        let mut two = [claim(1, b"one"), claim(1, b"two")];
        let other = two[0].signature;
        two[0].signature = std::mem::replace(&mut two[1].signature, other);
        assert!(verify_all(&two).is_none());
    }

    #[test]
    fn what_is_no_point_and_no_reduced_number_is_false() {
        let good = claim(1, b"good");
        let mut no_point = claim(2, b"bad");
        no_point.key = [2; 32];
        assert!(CompressedEdwardsY([2; 32]).decompress().is_none());
        // s and s + l are the same number modulo the order of the base point, l.
        let mut unreduced = claim(2, b"bad");
        let order_minus_one = (-Scalar::ONE).to_bytes();
        let mut carry = 1;
        for (byte, add) in unreduced.signature[32..].iter_mut().zip(order_minus_one) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        // y = 2^255 − 18 is another way to write y = 1.
        let mut other_way = claim(2, b"bad");
        other_way.signature[..32].copy_from_slice(&[0xff; 32]);
        other_way.signature[0] = 0xee;
        other_way.signature[31] = 0x7f;
        for bad in [no_point, unreduced, other_way] {
            assert!(!bad.verify() && verify_all(&[good.clone(), bad]).is_none());
        }
    }

    #[test]
    fn the_owner_of_a_key_can_make_a_signature_that_passes_only_in_company() {
        // R with a component of order eight, and s made for it with the private key.
        let seed = [7; 32];
        let (key, message) = (SigningKey::from_bytes(&seed), b"what I could have signed properly".to_vec());
        let hash: [u8; 64] = Sha512::digest(seed).into();
        let (scalar, _) = crate::crypto::halves(&hash);
        let secret = Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(scalar));
        let nonce = Scalar::from(12_345u32);
        let r = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[1]).compress().to_bytes();
        let hash = Sha512::new().chain_update(r).chain_update(key.public()).chain_update(&message);
        let s = nonce + Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) * secret;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(s.as_bytes());
        let mixed = Claim::new(key.public(), message, signature);
        assert!(!mixed.verify());
        assert!(verify_all(&[claim(1, b"good"), mixed.clone()]).is_some());
        // Without the key it is as hard as any other: it does not pass over another message.
        let other = Claim { message: b"other".to_vec(), ..mixed };
        assert!(verify_all(&[claim(1, b"good"), other]).is_none());
    }

    proptest! {
        #[test]
        fn one_changed_bit_makes_the_whole_batch_false(
            signers in proptest::collection::vec(0u8..4, 2..9),
            at in any::<prop::sample::Index>(),
            bit in 0usize..8 * (32 + 40 + 64),
        ) {
            let mut claims = claims(&signers);
            let at = at.index(claims.len());
            let changed = &mut claims[at];
            let (byte, mask) = (bit / 8, 1 << (bit % 8));
            match byte {
                0..32 => changed.key[byte] ^= mask,
                32..72 => changed.message[byte - 32] ^= mask,
                _ => changed.signature[byte - 72] ^= mask,
            }
            prop_assert!(!changed.verify());
            prop_assert!(verify_all(&claims).is_none());
            claims.remove(at);
            prop_assert!(verify_all(&claims).is_some());
        }
    }
}
