//! What clients ask of the group's program beside words (LXMF field 0x09): whether it is there, and how it hears them. It is
//! answered in private, and nothing of it is posted.

use reticulum::time::UnixTime;

use super::preference::Language;
use super::refusal::Refusal;
use super::text::{self, cut};
use super::{Caller, Group};

/// Commands of one message that are answered.
pub const COMMANDS_MAX: usize = 4;
/// Bytes of an echo.
const ECHO_BYTES_MAX: usize = 160;

/// What a client's program asks (`spec/lxmf.md` 2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// Are you there?
    Ping,
    /// Say this again.
    Echo(String),
    /// How do you hear me?
    SignalReport,
    /// Send telemetry. A group has none; programs ask by themselves, so an answer in words would only ring.
    Telemetry,
    /// Something that is not known here.
    Other,
}

/// The way by which a member is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Hops; `None` if there is no path.
    pub hops: Option<u8>,
    /// The interface that leads there.
    pub interface: String,
}

/// What a client asks, and what the node knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// What it asks, at most [`COMMANDS_MAX`].
    pub commands: Vec<ClientCommand>,
    /// How it is reached.
    pub way: Way,
}

impl Group {
    /// The answer to what a member's program asks, if it is to get one. It costs as much as a post does.
    pub(super) fn answer_probe(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        probe: &Probe,
    ) -> Option<Result<String, Refusal>> {
        let language = self.language_of(caller);
        let lines: Vec<_> =
            probe.commands.iter().filter_map(|one| answer(language, one, &probe.way)).collect();
        if lines.is_empty() {
            return None;
        }
        Some(self.take_turn(now, caller).map(|()| text::reply(lines.join("\n"))))
    }
}

fn answer(language: Language, command: &ClientCommand, way: &Way) -> Option<String> {
    match command {
        ClientCommand::Ping => Some(text::ping_reply(language)),
        ClientCommand::Echo(said) => Some(text::echo_reply(language, cut(said, ECHO_BYTES_MAX))),
        ClientCommand::SignalReport => Some(match way.hops {
            Some(hops) => text::signal_reply(language, hops, &way.interface),
            None => text::signal_unknown(language),
        }),
        ClientCommand::Telemetry => None,
        ClientCommand::Other => Some(text::program_command_unknown(language)),
    }
}
