//! The peer's half of a channel: messages in whatever order they come, delivered in theirs (`spec/reticulum.md` 9.2).

use std::collections::BTreeMap;

use super::super::budget::{Budget, Reserved};
use super::super::buffer::UnpackJob;
use super::super::types::Refusal;
use super::window::WINDOW_MAX;
use crate::wire::channel::{Envelope, STREAM, SYSTEM_TYPES, StreamPiece};

/// A message that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The application's.
    Data {
        /// Its type.
        kind: u16,
        /// What it says.
        payload: Vec<u8>,
    },
    /// A piece of a stream.
    Piece {
        /// Which.
        stream: u16,
        /// Nothing follows.
        end: bool,
        /// What it carries, plain.
        data: Vec<u8>,
    },
    /// A piece of a stream that is to be inflated; the next message comes after [`Inbox::finish_unpacking`].
    Packed(UnpackJob),
    /// One that says nothing to us but takes its place.
    Skipped,
}

/// What is to be done about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is safe here, or was before: prove it.
    Prove,
    /// The same, but it has no meaning here.
    ProveMeaningless(Refusal),
    /// There is no place for it now: its sender will repeat it.
    Refuse(Refusal),
}

/// See the module. Holds at most [`WINDOW_MAX`] messages ahead of the next one, drawn from the node's budget.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The number of the next message; the sequence on the wire is its low 16 bits.
    next: u64,
    /// With the length of each.
    held: BTreeMap<u64, (Message, u64)>,
    held_bytes: u64,
    reserved: Reserved,
    /// The stream of the piece that is being inflated, and whether that ends it.
    unpacking: Option<(u16, bool)>,
}

impl Inbox {
    /// An empty one, which draws what it holds from `budget`.
    pub(crate) fn new(budget: &Budget) -> Self {
        let reserved = budget.reserve(0).expect("nothing is always left");
        Self { next: 0, held: BTreeMap::new(), held_bytes: 0, reserved, unpacking: None }
    }

    /// A message arrived. Then call [`Self::pop`] until `None`.
    pub(crate) fn insert(&mut self, envelope: &Envelope<'_>) -> Verdict {
        let ahead = envelope.sequence.wrapping_sub(self.next as u16);
        if ahead > WINDOW_MAX {
            // Half of all sequences lie behind; what is neither there nor in the window no sender keeps to.
            let behind = ahead > u16::MAX / 2;
            return if behind { Verdict::Prove } else { Verdict::Refuse(Refusal::ChannelSequence) };
        }
        let number = self.next + u64::from(ahead);
        if self.held.contains_key(&number) {
            return Verdict::Prove;
        }
        let message = read(envelope);
        let len = envelope.payload.len() as u64;
        let bytes = self.held_bytes + len;
        if (ahead > 0 || self.unpacking.is_some()) && !self.reserved.resize(bytes) {
            return Verdict::Refuse(Refusal::BudgetSpent);
        }
        self.held_bytes = bytes;
        let (message, verdict) = match message {
            Ok(message) => (message, Verdict::Prove),
            Err(refusal) => (Message::Skipped, Verdict::ProveMeaningless(refusal)),
        };
        self.held.insert(number, (message, len));
        verdict
    }

    /// The next message in order.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        if self.unpacking.is_some() {
            return None;
        }
        let (message, len) = self.held.remove(&self.next)?;
        self.next += 1;
        self.held_bytes -= len;
        self.reserved.resize(self.held_bytes);
        if let Message::Packed(job) = &message {
            self.unpacking = Some((job.stream, job.end));
        }
        Some(message)
    }

    /// The piece that was popped as [`Message::Packed`] is inflated.
    pub(crate) fn finish_unpacking(&mut self, data: Vec<u8>) -> Option<Message> {
        let (stream, end) = self.unpacking.take()?;
        Some(Message::Piece { stream, end, data })
    }
}

fn read(envelope: &Envelope<'_>) -> Result<Message, Refusal> {
    let Envelope { kind, payload, .. } = *envelope;
    match kind {
        STREAM => {
            let piece = StreamPiece::parse(payload).ok_or(Refusal::Malformed)?;
            let StreamPiece { stream, end, compressed, data } = piece;
            let data = data.to_vec();
            Ok(match compressed && !data.is_empty() {
                true => Message::Packed(UnpackJob { stream, end, data }),
                false => Message::Piece { stream, end, data },
            })
        }
        SYSTEM_TYPES.. => Err(Refusal::ChannelTypeUnknown),
        _ => Ok(Message::Data { kind, payload: payload.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(next: u64) -> Inbox {
        Inbox { next, ..Inbox::new(&Budget::new(10_000)) }
    }

    fn insert(inbox: &mut Inbox, sequence: u16) -> Verdict {
        inbox.insert(&Envelope { kind: 1, sequence, payload: &sequence.to_be_bytes() })
    }

    fn drain(inbox: &mut Inbox) -> Vec<u16> {
        std::iter::from_fn(|| inbox.pop())
            .map(|message| match message {
                Message::Data { payload, .. } => u16::from_be_bytes(payload.try_into().unwrap()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_sequence_is_taken_by_its_place_in_the_window() {
        let refused = Verdict::Refuse(Refusal::ChannelSequence);
        // next, sequence, verdict, delivered after next itself has come
        for (next, sequence, verdict, delivered) in [
            (0, 0, Verdict::Prove, vec![0]),
            (0, 1, Verdict::Prove, vec![0, 1]),
            (0, 48, Verdict::Prove, vec![0]),
            (0, 49, refused, vec![0]),
            (0, 65_535, Verdict::Prove, vec![0]),
            (100, 99, Verdict::Prove, vec![100]),
            (100, 0, Verdict::Prove, vec![100]),
            (100, 148, Verdict::Prove, vec![100]),
            (100, 149, refused, vec![100]),
            (65_535, 0, Verdict::Prove, vec![65_535, 0]),
            (65_535, 47, Verdict::Prove, vec![65_535]),
            (65_535, 48, refused, vec![65_535]),
            (65_535, 65_534, Verdict::Prove, vec![65_535]),
            (65_488, 0, Verdict::Prove, vec![65_488]),
            (65_487, 0, refused, vec![65_487]),
        ] {
            let mut inbox = inbox(next);
            assert_eq!(insert(&mut inbox, sequence), verdict, "{sequence} where {next} is next");
            insert(&mut inbox, next as u16);
            assert_eq!(drain(&mut inbox), delivered, "{sequence} where {next} is next");
        }
    }

    #[test]
    fn what_comes_in_any_order_leaves_in_its_own_across_the_wrap() {
        let mut inbox = inbox(65_533);
        for sequence in [1, 65_534, 0, 65_534, 2, 1] {
            assert_eq!(insert(&mut inbox, sequence), Verdict::Prove);
            assert_eq!(inbox.pop(), None);
        }
        insert(&mut inbox, 65_533);
        assert_eq!(drain(&mut inbox), [65_533, 65_534]);
        insert(&mut inbox, 65_535);
        assert_eq!(drain(&mut inbox), [65_535, 0, 1, 2]);
    }

    #[test]
    fn what_no_program_reads_takes_its_place_and_blocks_nothing() {
        let mut inbox = inbox(0);
        let unknown = Envelope { kind: 0xF000, sequence: 0, payload: b"?" };
        assert_eq!(inbox.insert(&unknown), Verdict::ProveMeaningless(Refusal::ChannelTypeUnknown));
        let short = Envelope { kind: STREAM, sequence: 1, payload: b"?" };
        assert_eq!(inbox.insert(&short), Verdict::ProveMeaningless(Refusal::Malformed));
        insert(&mut inbox, 2);
        assert_eq!((inbox.pop(), inbox.pop()), (Some(Message::Skipped), Some(Message::Skipped)));
        assert_eq!(drain(&mut inbox), [2]);
    }

    #[test]
    fn what_is_held_is_drawn_from_the_budget_and_given_back() {
        let budget = Budget::new(5);
        let mut inbox = Inbox::new(&budget);
        assert_eq!(insert(&mut inbox, 2), Verdict::Prove);
        assert_eq!(insert(&mut inbox, 3), Verdict::Prove);
        assert_eq!(insert(&mut inbox, 4), Verdict::Refuse(Refusal::BudgetSpent));
        assert_eq!(insert(&mut inbox, 0), Verdict::Prove, "what is next is delivered, not held");
        assert_eq!(drain(&mut inbox), [0]);
        assert_eq!(insert(&mut inbox, 1), Verdict::Prove);
        assert_eq!(drain(&mut inbox), [1, 2, 3]);
        assert_eq!(budget.left(), 5);
    }

    #[test]
    fn nothing_is_delivered_past_a_piece_that_is_being_inflated() {
        let mut inbox = inbox(0);
        inbox.insert(&Envelope { kind: STREAM, sequence: 0, payload: &[0x40, 7, 1] });
        insert(&mut inbox, 1);
        assert!(matches!(inbox.pop(), Some(Message::Packed(UnpackJob { stream: 7, end: false, .. }))));
        assert_eq!(inbox.pop(), None);
        let piece = Message::Piece { stream: 7, end: false, data: vec![9] };
        assert_eq!(inbox.finish_unpacking(vec![9]), Some(piece));
        assert_eq!(inbox.finish_unpacking(vec![9]), None);
        assert_eq!(drain(&mut inbox), [1]);
    }
}
