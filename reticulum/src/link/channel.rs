//! The channel of a link: messages in order, each proven, and streams of bytes on top (`spec/reticulum.md` section 9).
//!
//! Owns what passes between the two halves ([`Outbox`], [`Inbox`]) and the link. A channel exists from
//! [`Link::open_channel`] on, or from the first use on a link to a destination that has channels; before that what
//! arrives is refused unproven, so that its sender repeats it.
//!
//! Three differences to the stock implementation, none of which a stock peer notices:
//! - every type of the application's is delivered, so none is unknown. There an unknown type is proven, dropped, and blocks
//!   the channel for good;
//! - a packet is proven only once it opened under the session key and there is a place for what it carries;
//! - nothing is sent that lies a whole window ahead of what is unproven, since its receiver would drop it.

mod inbox;
mod outbox;
mod window;

use super::buffer::Packed;
use super::job::LinkJob;
use super::types::{LinkEvent, LinkOutput, Refusal};
use super::{Link, State};
use crate::crypto::Rng;
use crate::hash::PacketHash;
use crate::node::{ChannelMessageId, CloseReason, LinkError, Priority};
use crate::time::Instant;
use crate::wire::Context;
use crate::wire::channel::{Envelope, STREAM_ID_MAX, SYSTEM_TYPES};

use inbox::{Inbox, Message, Verdict};
use outbox::{Late, Outbox, Step};

/// Both halves.
#[derive(Debug)]
pub(super) struct Channel {
    outbox: Outbox,
    inbox: Inbox,
}

impl Channel {
    /// When [`Link::expire_channel`] is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.outbox.next_deadline()
    }
}

/// Commands.
impl Link {
    /// From now on channel messages are taken, proven and delivered. Does nothing if the channel is open.
    pub(crate) fn open_channel(&mut self) -> Result<(), LinkError> {
        self.open_token()?;
        if self.channel.is_none() {
            let outbox = Outbox::new(self.rtt, &self.config.outgoing);
            let inbox = Inbox::new(&self.config.incoming);
            self.channel = Some(Box::new(Channel { outbox, inbox }));
        }
        Ok(())
    }

    /// Sends a message of the application's.
    pub(crate) fn send_message(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        kind: u16,
        payload: &[u8],
    ) -> Result<ChannelMessageId, LinkError> {
        let max = self.mdu().saturating_sub(Envelope::OVERHEAD).min(usize::from(u16::MAX));
        if kind >= SYSTEM_TYPES {
            return Err(LinkError::OutOfRange);
        }
        if payload.len() > max {
            return Err(LinkError::TooLong { max });
        }
        let id = self.outbox()?.push(kind, payload).ok_or(LinkError::Busy)?;
        self.drive_channel(now, rng);
        Ok(id)
    }

    /// Writes to a stream; returns how many bytes found room.
    pub(crate) fn write_stream(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        stream: u16,
        data: &[u8],
    ) -> Result<usize, LinkError> {
        let taken = self.outbox_of(stream)?.write(stream, data);
        self.drive_channel(now, rng);
        Ok(taken)
    }

    /// Ends a stream.
    pub(crate) fn end_stream(&mut self, now: Instant, rng: &mut Rng, stream: u16) -> Result<(), LinkError> {
        if !self.outbox_of(stream)?.end(stream) {
            return Err(LinkError::Busy);
        }
        self.drive_channel(now, rng);
        Ok(())
    }

    fn outbox_of(&mut self, stream: u16) -> Result<&mut Outbox, LinkError> {
        if stream > STREAM_ID_MAX {
            return Err(LinkError::OutOfRange);
        }
        self.outbox()
    }

    fn outbox(&mut self) -> Result<&mut Outbox, LinkError> {
        self.open_token()?;
        if self.config.channels {
            self.open_channel()?;
        }
        self.channel.as_mut().map(|channel| &mut channel.outbox).ok_or(LinkError::NoChannel)
    }
}

/// What arrives, and what is due.
impl Link {
    /// Whether channel packets have a meaning on this link.
    pub(super) fn takes_messages(&self) -> bool {
        self.channel.is_some() || self.config.channels
    }

    pub(super) fn handle_message(&mut self, body: &[u8], hash: PacketHash) -> Result<(), Refusal> {
        if self.config.channels {
            self.open_channel().map_err(|_| Refusal::NotOpen)?;
        }
        let channel = self.channel.as_mut().ok_or(Refusal::NoChannel)?;
        let envelope = Envelope::parse(body).ok_or(Refusal::Malformed)?;
        let verdict = channel.inbox.insert(&envelope);
        if let Verdict::Refuse(refusal) = verdict {
            return Err(refusal);
        }
        self.prove(hash);
        self.deliver_messages();
        match verdict {
            Verdict::ProveMeaningless(refusal) => Err(refusal),
            Verdict::Prove | Verdict::Refuse(_) => Ok(()),
        }
    }

    fn deliver_messages(&mut self) {
        while let Some(message) = self.channel.as_mut().and_then(|channel| channel.inbox.pop()) {
            self.deliver_message(message);
        }
    }

    fn deliver_message(&mut self, message: Message) {
        match message {
            Message::Data { kind, payload } => self.event(LinkEvent::Message { kind, payload }),
            Message::Piece { stream, end, data } if end || !data.is_empty() => {
                self.event(LinkEvent::Stream { stream, data, end });
            }
            Message::Packed(job) => self.outputs.push_back(LinkOutput::Job(LinkJob::Unpack(job))),
            Message::Piece { .. } | Message::Skipped => {}
        }
    }

    /// A piece of a stream is inflated, or cannot be: then its stream has a hole, and the link ends.
    pub(super) fn finish_unpacking(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        data: Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        let Some(data) = data else {
            self.close(now, rng, CloseReason::Protocol);
            return Err(Refusal::StreamCorrupt);
        };
        let piece = self.channel.as_mut().and_then(|channel| channel.inbox.finish_unpacking(data));
        if let Some(piece) = piece {
            self.deliver_message(piece);
            self.deliver_messages();
        }
        Ok(())
    }

    /// A piece of a stream of ours is ready to go.
    pub(super) fn finish_packing(&mut self, now: Instant, rng: &mut Rng, packed: Packed) {
        let number = self.channel.as_mut().and_then(|channel| channel.outbox.finish_packing(packed));
        if let Some(number) = number {
            self.transmit_message(now, rng, number);
            self.drive_channel(now, rng);
        }
    }

    /// Whether a proof of this packet is awaited; if so it is about to be verified.
    pub(super) fn channel_awaits(&mut self, packet: &PacketHash) -> bool {
        self.channel.as_mut().is_some_and(|channel| channel.outbox.start_verifying(packet))
    }

    /// A proof was verified that may be one of a message.
    pub(super) fn message_verified(&mut self, now: Instant, rng: &mut Rng, packet: &PacketHash, valid: bool) {
        let rtt = self.rtt;
        let Some(channel) = &mut self.channel else { return };
        let Some(id) = channel.outbox.finish_verifying(packet, valid, rtt) else { return };
        if let Some(id) = id {
            self.event(LinkEvent::MessageDelivered { id });
        }
        self.drive_channel(now, rng);
    }

    /// Repeats what was not proven in time.
    pub(super) fn expire_channel(&mut self, now: Instant, rng: &mut Rng) {
        while let Some(late) = self.channel.as_mut().and_then(|channel| channel.outbox.pop_late(now)) {
            match late {
                Late::Again(number) => self.transmit_message(now, rng, number),
                Late::GiveUp => return self.close(now, rng, CloseReason::Timeout),
            }
        }
    }

    /// Sends what the window has room for.
    fn drive_channel(&mut self, now: Instant, rng: &mut Rng) {
        let (mdu, compress) = (self.mdu(), !self.is_faster_than_compression());
        while let Some(step) = self.channel.as_mut().and_then(|channel| channel.outbox.step(mdu, compress)) {
            match step {
                Step::Send(number) => self.transmit_message(now, rng, number),
                Step::Pack(job) => self.outputs.push_back(LinkOutput::Job(LinkJob::Pack(job))),
            }
        }
        if self.channel.as_mut().is_some_and(|channel| channel.outbox.take_ready()) {
            self.event(LinkEvent::ChannelReady);
        }
    }

    fn transmit_message(&mut self, now: Instant, rng: &mut Rng, number: u64) {
        let body = self.channel.as_ref().and_then(|channel| channel.outbox.body(number)).map(<[u8]>::to_vec);
        let Some(body) = body.filter(|_| matches!(self.state, State::Open(_))) else { return };
        let packet = self.transmit_named(now, rng, Context::CHANNEL, &body, Priority::Reply);
        let rtt = self.rtt;
        if let Some(channel) = &mut self.channel {
            channel.outbox.sent(now, number, packet, rtt);
        }
    }

    /// The link ends, and what was not proven with it.
    pub(super) fn end_channel(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.outbox.unproven().into_iter().for_each(|id| self.event(LinkEvent::MessageFailed { id }));
        }
    }
}
