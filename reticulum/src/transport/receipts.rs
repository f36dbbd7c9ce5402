//! Single packets that wait for their proof (`spec/reticulum.md` 3.4, 3.5).
//!
//! At most `max`; the oldest makes room and counts as timed out. Verifying a proof is work that runs elsewhere, so a
//! receipt may time out meanwhile: it is then decided by the verdict.
//!
//! Over a slow medium a packet may wait for long before it leaves: there the time for the proof begins then.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::queue::Left;
use crate::crypto::{Claim, PublicIdentity};
use crate::hash::{PacketHash, ProofAddress};
use crate::node::{ReceiptId, Sending};
use crate::time::{Instant, TimerQueue};
use crate::wire;

/// Proofs of one packet that are verified at a time: a forger must not lock the true one out, nor cost much.
const VERIFYING_MAX: u8 = 4;
/// How much longer a receipt waits for a verdict.
const VERDICT_GRACE: Duration = Duration::from_secs(5);
/// Longer than a queue keeps a message, after which it tells that it dropped it; unless it is gone itself.
const QUEUED_MAX: Duration = Duration::from_secs(660);

/// A packet that waits.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) id: ReceiptId,
    /// The full hash, over which its proof signs.
    pub(crate) hash: PacketHash,
    /// Who proves it.
    pub(crate) signer: Arc<PublicIdentity>,
}

/// A proof as it is heard.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) address: ProofAddress,
    pub(crate) hash: PacketHash,
    pub(crate) signature: [u8; 64],
    pub(crate) signer: Arc<PublicIdentity>,
}

impl Proof {
    /// What it says.
    pub(crate) fn claim(&self) -> Claim {
        Claim::new(*self.signer.ed25519(), self.hash.as_ref().to_vec(), self.signature)
    }
}

/// Why a proof is not worth verifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofRefusal {
    /// No packet waits for it.
    Unknown,
    /// Neither an implicit nor an explicit proof, or an explicit one of another packet.
    Malformed,
    /// Enough proofs of this packet are being verified.
    Busy,
}

#[derive(Debug)]
struct Waiting {
    receipt: Receipt,
    verifying: u8,
    /// Of a packet that waits for a slow medium, or did.
    slow: Option<Slow>,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    sending: Sending,
    /// How long the proof may take once it is sent.
    patience: Duration,
}

/// The table of receipts.
#[derive(Debug)]
pub(crate) struct Receipts {
    waiting: HashMap<ProofAddress, Waiting>,
    timers: TimerQueue<ProofAddress>,
    /// Those over slow media.
    slow: HashMap<ReceiptId, ProofAddress>,
    max: usize,
}

impl Receipts {
    /// Number of receipts that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A table of at most `max` receipts.
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: HashMap::new(), timers: TimerQueue::default(), slow: HashMap::new(), max: max.max(1) }
    }

    /// Waits for the proof of a packet until `deadline`. Returns one that had to make room.
    pub(crate) fn insert(&mut self, deadline: Instant, receipt: Receipt) -> Option<ReceiptId> {
        self.enter(deadline, receipt, None)
    }

    /// The same for a packet that is put into the queue of a slow medium: its proof may take as long as `patience` once it
    /// has left there.
    pub(crate) fn insert_queued(
        &mut self,
        now: Instant,
        patience: Duration,
        receipt: Receipt,
    ) -> Option<ReceiptId> {
        self.slow.insert(receipt.id, receipt.hash.proof_address());
        let slow = Slow { sending: Sending::Queued, patience };
        self.enter(now + QUEUED_MAX, receipt, Some(slow))
    }

    /// A packet left the queue of a slow medium. What was dropped there times out.
    pub(crate) fn handle_left(&mut self, now: Instant, left: Left) {
        let Some(waiting) = self.waiting.get_mut(&left.address) else { return };
        let Some(slow) = waiting.slow.as_mut().filter(|slow| slow.sending == Sending::Queued) else { return };
        let mut deadline = now;
        if left.sent {
            slow.sending = Sending::Sent { at: now };
            deadline = now + slow.patience;
        }
        self.timers.set(left.address, deadline);
    }

    /// How far a packet has come that goes over a slow medium and waits for its proof.
    pub(crate) fn sending(&self, id: ReceiptId) -> Option<Sending> {
        let waiting = self.waiting.get(self.slow.get(&id)?)?;
        waiting.slow.map(|slow| slow.sending)
    }

    fn enter(&mut self, deadline: Instant, receipt: Receipt, slow: Option<Slow>) -> Option<ReceiptId> {
        let evicted =
            (self.waiting.len() >= self.max).then(|| self.timers.pop_due(Instant::from_micros(u64::MAX)));
        let evicted = evicted.flatten().and_then(|address| self.remove(&address));
        let address = receipt.hash.proof_address();
        self.timers.set(address, deadline);
        self.waiting.insert(address, Waiting { receipt, verifying: 0, slow });
        evicted
    }

    fn remove(&mut self, address: &ProofAddress) -> Option<ReceiptId> {
        let waiting = self.waiting.remove(address)?;
        if waiting.slow.is_some() {
            self.slow.remove(&waiting.receipt.id);
        }
        Some(waiting.receipt.id)
    }

    /// Takes the body of a proof packet, and prepares to verify it.
    pub(crate) fn check(&mut self, address: ProofAddress, body: &[u8]) -> Result<Proof, ProofRefusal> {
        let waiting = self.waiting.get_mut(&address).ok_or(ProofRefusal::Unknown)?;
        let Receipt { hash, signer, .. } = &waiting.receipt;
        let signature = match wire::Proof::parse(body) {
            Some(wire::Proof::Implicit { signature }) => signature,
            Some(wire::Proof::Explicit { hash: proven, signature }) if proven == *hash => signature,
            _ => return Err(ProofRefusal::Malformed),
        };
        if waiting.verifying >= VERIFYING_MAX {
            return Err(ProofRefusal::Busy);
        }
        waiting.verifying += 1;
        Ok(Proof { address, hash: *hash, signature: *signature, signer: Arc::clone(signer) })
    }

    /// Takes the verdict on a proof; the receipt that it proves.
    pub(crate) fn finish(&mut self, address: &ProofAddress, valid: bool) -> Option<ReceiptId> {
        let waiting = self.waiting.get_mut(address)?;
        waiting.verifying = waiting.verifying.saturating_sub(1);
        if !valid {
            return None;
        }
        self.timers.cancel(address);
        self.remove(address)
    }

    /// The next receipt that timed out.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<ReceiptId> {
        while let Some(address) = self.timers.pop_due(now) {
            let Some(waiting) = self.waiting.get_mut(&address) else { continue };
            if waiting.verifying == 0 {
                return self.remove(&address);
            }
            waiting.verifying = 0;
            self.timers.set(address, now + VERDICT_GRACE);
        }
        None
    }

    /// When the next receipt times out.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Identity, Rng};

    fn at(s: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(s)
    }

    fn receipt(n: u8) -> Receipt {
        let signer = Arc::new(Identity::generate(&mut Rng::from_seed([1; 32])).public().clone());
        Receipt { id: ReceiptId(u64::from(n)), hash: PacketHash::new([n; 32]), signer }
    }

    fn address(n: u8) -> ProofAddress {
        PacketHash::new([n; 32]).proof_address()
    }

    #[test]
    fn implicit_and_explicit_proofs_are_taken_and_others_not() {
        let mut receipts = Receipts::new(10);
        receipts.insert(at(10), receipt(1));
        let explicit = [[1; 32].as_slice(), &[9; 64]].concat();
        let other = [[2; 32].as_slice(), &[9; 64]].concat();
        assert_eq!(receipts.check(address(1), &[9; 64]).unwrap().signature, [9; 64]);
        assert_eq!(receipts.check(address(1), &explicit).unwrap().signature, [9; 64]);
        assert_eq!(receipts.check(address(1), &other).unwrap_err(), ProofRefusal::Malformed);
        assert_eq!(receipts.check(address(1), &[9; 63]).unwrap_err(), ProofRefusal::Malformed);
        assert_eq!(receipts.check(address(1), &[9; 65]).unwrap_err(), ProofRefusal::Malformed);
        assert_eq!(receipts.check(address(2), &[9; 64]).unwrap_err(), ProofRefusal::Unknown);
    }

    #[test]
    fn few_proofs_of_a_packet_are_verified_at_a_time() {
        let mut receipts = Receipts::new(10);
        receipts.insert(at(10), receipt(1));
        for _ in 0..VERIFYING_MAX {
            receipts.check(address(1), &[0; 64]).unwrap();
        }
        assert_eq!(receipts.check(address(1), &[0; 64]).unwrap_err(), ProofRefusal::Busy);
        assert_eq!(receipts.finish(&address(1), false), None);
        receipts.check(address(1), &[1; 64]).unwrap();
        assert_eq!(receipts.finish(&address(1), true), Some(ReceiptId(1)));
        assert_eq!(receipts.finish(&address(1), true), None, "a proof counts once");
        assert_eq!(receipts.poll_timeout(), None);
    }

    #[test]
    fn a_receipt_times_out_unless_a_verdict_is_on_its_way() {
        let mut receipts = Receipts::new(10);
        receipts.insert(at(10), receipt(1));
        receipts.insert(at(11), receipt(2));
        receipts.check(address(2), &[0; 64]).unwrap();
        assert_eq!(receipts.handle_timeout(at(9)), None);
        assert_eq!(receipts.handle_timeout(at(12)), Some(ReceiptId(1)));
        assert_eq!(receipts.handle_timeout(at(12)), None);
        assert_eq!(receipts.finish(&address(2), true), Some(ReceiptId(2)));
    }

    #[test]
    fn over_a_slow_medium_the_wait_begins_when_the_packet_leaves() {
        let mut receipts = Receipts::new(10);
        let patience = Duration::from_secs(12);
        for n in [1, 2] {
            assert_eq!(receipts.insert_queued(at(0), patience, receipt(n)), None);
        }
        assert_eq!(receipts.sending(ReceiptId(1)), Some(Sending::Queued));
        assert_eq!(receipts.handle_timeout(at(300)), None);
        receipts.handle_left(at(300), Left { address: address(1), sent: true });
        assert_eq!(receipts.sending(ReceiptId(1)), Some(Sending::Sent { at: at(300) }));
        assert_eq!(receipts.handle_timeout(at(311)), None);
        assert_eq!(receipts.handle_timeout(at(312)), Some(ReceiptId(1)));
        receipts.handle_left(at(320), Left { address: address(2), sent: false });
        assert_eq!(receipts.handle_timeout(at(320)), Some(ReceiptId(2)), "what was dropped times out");
        assert!(receipts.slow.is_empty());
        receipts.handle_left(at(321), Left { address: address(2), sent: true });
        assert_eq!((receipts.sending(ReceiptId(2)), receipts.poll_timeout()), (None, None));
    }

    #[test]
    fn the_receipt_that_ends_first_makes_room() {
        let mut receipts = Receipts::new(2);
        assert_eq!(receipts.insert(at(20), receipt(1)), None);
        assert_eq!(receipts.insert(at(10), receipt(2)), None);
        assert_eq!(receipts.insert(at(30), receipt(3)), Some(ReceiptId(2)));
        assert_eq!(receipts.waiting.len(), 2);
    }
}
