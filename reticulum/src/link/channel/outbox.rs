//! Our half of a channel: what waits, what is under way, what is proven (`spec/reticulum.md` 9.3).
//!
//! Owns order, window and retries. A message leaves when the window has room; bytes of a stream become a message only
//! then, so that small writes gather while the window is full.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::super::budget::{Budget, Reserved};
use super::super::buffer::{PackJob, Packed};
use super::window::{TRIES_MAX, WINDOW_MAX, Window, wait};
use crate::hash::PacketHash;
use crate::node::ChannelMessageId;
use crate::time::{Instant, TimerQueue};
use crate::wire::channel::{Envelope, STREAM, StreamPiece};

/// Bytes that wait on one channel, those under way included; what goes beyond is refused.
pub(crate) const OUTBOX_BYTES_MAX: usize = 256 << 10;
/// Messages and streams that wait on one channel; a further one is refused.
pub(crate) const OUTBOX_LEN_MAX: usize = 256;

/// What waits for room in the window.
#[derive(Debug)]
enum Queued {
    Message { id: ChannelMessageId, kind: u16, payload: Vec<u8> },
    Bytes { stream: u16, bytes: VecDeque<u8> },
    End { stream: u16 },
}

/// A message that is not proven yet.
#[derive(Debug)]
struct InFlight {
    /// What the application calls it; none for a piece of a stream.
    id: Option<ChannelMessageId>,
    body: Vec<u8>,
    tries: u32,
    /// The packets that carried it: any of their proofs will do.
    packets: Vec<PacketHash>,
    /// When it is due, kept while a proof of it is being verified.
    deadline: Instant,
    verifying: bool,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Transmit the message of this number.
    Send(u64),
    /// Compress the next bytes of a stream; nothing else leaves meanwhile.
    Pack(PackJob),
}

/// What became of a message that was not proven in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// Transmit it again.
    Again(u64),
    /// It was transmitted often enough: the link is dead.
    GiveUp,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    window: Window,
    queue: VecDeque<Queued>,
    /// Bytes in the queue and under way, and what they are drawn from.
    held: usize,
    reserved: Reserved,
    /// By number; the sequence on the wire is its low 16 bits.
    in_flight: BTreeMap<u64, InFlight>,
    by_packet: HashMap<PacketHash, u64>,
    timers: TimerQueue<u64>,
    next_number: u64,
    last_id: u64,
    packing: bool,
    /// A command found no room, so room is worth telling of.
    wanted: bool,
}

/// Commands.
impl Outbox {
    /// An empty one, on a link with this round-trip time; what waits in it is drawn from `budget`.
    pub(crate) fn new(rtt: Duration, budget: &Budget) -> Self {
        Self {
            window: Window::new(rtt),
            queue: VecDeque::new(),
            held: 0,
            reserved: budget.reserve(0).expect("nothing is always left"),
            in_flight: BTreeMap::new(),
            by_packet: HashMap::new(),
            timers: TimerQueue::default(),
            next_number: 0,
            last_id: 0,
            packing: false,
            wanted: false,
        }
    }

    /// Queues a message. None: there is no room.
    pub(crate) fn push(&mut self, kind: u16, payload: &[u8]) -> Option<ChannelMessageId> {
        if self.queue.len() >= OUTBOX_LEN_MAX || self.room(payload.len()) < payload.len() {
            self.wanted = true;
            return None;
        }
        self.last_id += 1;
        let id = ChannelMessageId(self.last_id);
        self.queue.push_back(Queued::Message { id, kind, payload: payload.to_vec() });
        Some(id)
    }

    /// Queues as many bytes of a stream as there is room for, and tells how many those are.
    pub(crate) fn write(&mut self, stream: u16, data: &[u8]) -> usize {
        let continues =
            matches!(self.queue.back(), Some(Queued::Bytes { stream: last, .. }) if *last == stream);
        let slot = continues || self.queue.len() < OUTBOX_LEN_MAX;
        let taken = if slot { self.room(data.len()) } else { 0 };
        self.wanted |= taken < data.len();
        if taken == 0 {
            return 0;
        }
        if !continues {
            self.queue.push_back(Queued::Bytes { stream, bytes: VecDeque::new() });
        }
        if let Some(Queued::Bytes { bytes, .. }) = self.queue.back_mut() {
            bytes.extend(&data[..taken]);
        }
        taken
    }

    /// Ends a stream after what was written. False: there is no room.
    pub(crate) fn end(&mut self, stream: u16) -> bool {
        let room = self.queue.len() < OUTBOX_LEN_MAX;
        if room {
            self.queue.push_back(Queued::End { stream });
        }
        self.wanted |= !room;
        room
    }

    /// Takes as much room as there is for `len` bytes.
    fn room(&mut self, len: usize) -> usize {
        let room = len.min(OUTBOX_BYTES_MAX - self.held.min(OUTBOX_BYTES_MAX));
        if room > 0 && self.reserved.resize((self.held + room) as u64) {
            self.held += room;
            return room;
        }
        0
    }

    fn release(&mut self, len: usize) {
        self.held -= len;
        self.reserved.resize(self.held as u64);
    }
}

/// What goes on.
impl Outbox {
    /// What to do next on a link that carries bodies of `body_max` bytes. Call until `None`.
    pub(crate) fn step(&mut self, body_max: usize, compress: bool) -> Option<Step> {
        // The receiver takes what is at most a window ahead of the one it waits for, proven or not.
        let oldest = self.in_flight.first_key_value().map_or(self.next_number, |(number, _)| *number);
        let ahead = self.next_number - oldest;
        if self.packing
            || self.in_flight.len() >= usize::from(self.window.size())
            || ahead >= u64::from(WINDOW_MAX)
        {
            return None;
        }
        match self.queue.front_mut()? {
            Queued::Bytes { bytes, .. } if compress && bytes.len() >= PackJob::LEN_MIN => {
                let bytes = bytes.iter().take(PackJob::LEN_MAX).copied().collect();
                self.packing = true;
                Some(Step::Pack(PackJob { bytes, len_max: piece_max(body_max) }))
            }
            Queued::Bytes { bytes, .. } => {
                let taken = bytes.len().min(piece_max(body_max));
                let data = bytes.iter().take(taken).copied().collect();
                Some(Step::Send(self.start_piece(Packed { taken, data, compressed: false })))
            }
            Queued::End { stream } => {
                let piece = StreamPiece { stream: *stream, end: true, compressed: false, data: &[] };
                let body = piece_body(self.next_number, &piece);
                self.queue.pop_front();
                self.held += body.len();
                Some(Step::Send(self.start(None, body)))
            }
            Queued::Message { .. } => {
                let Some(Queued::Message { id, kind, payload }) = self.queue.pop_front() else { return None };
                let mut body = Vec::with_capacity(Envelope::OVERHEAD + payload.len());
                Envelope { kind, sequence: self.next_number as u16, payload: &payload }.emit(&mut body);
                self.held += Envelope::OVERHEAD;
                Some(Step::Send(self.start(Some(id), body)))
            }
        }
    }

    /// The piece that a [`Step::Pack`] made is next. Returns its number.
    pub(crate) fn finish_packing(&mut self, packed: Packed) -> Option<u64> {
        std::mem::take(&mut self.packing).then(|| self.start_piece(packed))
    }

    fn start_piece(&mut self, packed: Packed) -> u64 {
        let Some(Queued::Bytes { stream, bytes }) = self.queue.front_mut() else {
            unreachable!("a piece is made of the front of the queue")
        };
        let piece =
            StreamPiece { stream: *stream, end: false, compressed: packed.compressed, data: &packed.data };
        let body = piece_body(self.next_number, &piece);
        bytes.drain(..packed.taken);
        if bytes.is_empty() {
            self.queue.pop_front();
        }
        self.held = self.held - packed.taken + body.len();
        self.start(None, body)
    }

    fn start(&mut self, id: Option<ChannelMessageId>, body: Vec<u8>) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let message =
            InFlight { id, body, tries: 0, packets: Vec::new(), deadline: Instant::ZERO, verifying: false };
        self.in_flight.insert(number, message);
        number
    }

    /// The body of a message that is to be transmitted.
    pub(crate) fn body(&self, number: u64) -> Option<&[u8]> {
        self.in_flight.get(&number).map(|message| &message.body[..])
    }

    /// A message is on its way, in this packet.
    pub(crate) fn sent(&mut self, now: Instant, number: u64, packet: PacketHash, rtt: Duration) {
        let in_flight = self.in_flight.len();
        let Some(message) = self.in_flight.get_mut(&number) else { return };
        message.tries += 1;
        message.packets.push(packet);
        message.deadline = now + wait(message.tries, rtt, in_flight);
        self.by_packet.insert(packet, number);
        self.timers.set(number, message.deadline);
    }

    /// A proof of a packet arrived: stops the clock of its message while it is verified. False if none is awaited.
    pub(crate) fn start_verifying(&mut self, packet: &PacketHash) -> bool {
        let Some((number, message)) = self.awaited(packet).filter(|(_, message)| !message.verifying) else {
            return false;
        };
        message.verifying = true;
        self.timers.cancel(&number);
        true
    }

    /// A proof was verified. The message that it proves, if it was awaited and good.
    pub(crate) fn finish_verifying(
        &mut self,
        packet: &PacketHash,
        valid: bool,
        rtt: Duration,
    ) -> Option<Option<ChannelMessageId>> {
        let (number, message) = self.awaited(packet)?;
        message.verifying = false;
        if !valid {
            let deadline = message.deadline;
            self.timers.set(number, deadline);
            return None;
        }
        let message = self.in_flight.remove(&number).expect("it was just found");
        for packet in &message.packets {
            self.by_packet.remove(packet);
        }
        self.timers.cancel(&number);
        self.release(message.body.len());
        self.window.proven(rtt);
        Some(message.id)
    }

    fn awaited(&mut self, packet: &PacketHash) -> Option<(u64, &mut InFlight)> {
        let number = *self.by_packet.get(packet)?;
        Some((number, self.in_flight.get_mut(&number)?))
    }

    /// Takes a message that was not proven in time. Call until `None`.
    pub(crate) fn pop_late(&mut self, now: Instant) -> Option<Late> {
        let number = self.timers.pop_due(now)?;
        if self.in_flight.get(&number)?.tries >= TRIES_MAX {
            return Some(Late::GiveUp);
        }
        self.window.timed_out();
        Some(Late::Again(number))
    }

    /// Whether somebody waits for room and half of it is free. Tells it once.
    pub(crate) fn take_ready(&mut self) -> bool {
        let free = self.held <= OUTBOX_BYTES_MAX / 2 && self.queue.len() <= OUTBOX_LEN_MAX / 2;
        free && std::mem::take(&mut self.wanted)
    }

    /// When [`Self::pop_late`] is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// The messages that are not proven, in order; the link is over.
    pub(crate) fn unproven(&self) -> Vec<ChannelMessageId> {
        let queued = self.queue.iter().filter_map(|queued| match queued {
            Queued::Message { id, .. } => Some(*id),
            Queued::Bytes { .. } | Queued::End { .. } => None,
        });
        self.in_flight.values().filter_map(|message| message.id).chain(queued).collect()
    }
}

fn piece_body(number: u64, piece: &StreamPiece<'_>) -> Vec<u8> {
    let mut payload = Vec::with_capacity(StreamPiece::OVERHEAD + piece.data.len());
    piece.emit(&mut payload);
    let mut body = Vec::with_capacity(Envelope::OVERHEAD + payload.len());
    Envelope { kind: STREAM, sequence: number as u16, payload: &payload }.emit(&mut body);
    body
}

/// Bytes of a stream that one body of `body_max` bytes carries.
fn piece_max(body_max: usize) -> usize {
    body_max.saturating_sub(Envelope::OVERHEAD + StreamPiece::OVERHEAD).min(PackJob::LEN_MAX)
}
