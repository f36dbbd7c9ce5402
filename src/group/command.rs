//! The commands of plain LXMF clients: text that starts with `/`, or `\` where a phone made that of it, in either case.

use super::entry_command::{Invite, parse_invite, parse_mode};
use super::help;
use super::ids::{MemberId, Seq};
use super::message_command::{self, MessageCommand};
use super::pending::PendingId;
use super::preference::{Preference, Push};

/// A command as it was typed; what it names is not looked up yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Join { words: &'a str },
    Leave,
    Nick { nick: &'a str },
    Members { from: MemberId },
    Help { word: &'a str },
    Stats,
    Announce,
    Path { who: &'a str },
    CleanUp { words: &'a str },
    Kick { who_and_reason: &'a str },
    Ban { who_and_reason: &'a str },
    Unban { who: &'a str },
    Claim { code: &'a str },
    Node { node: &'a str },
    Role { words: &'a str },
    Set { key_and_value: &'a str },
    Mute { who_and_reason: &'a str },
    Unmute { who: &'a str },
    Slow { value: &'a str },
    ReadOnly { value: &'a str },
    Audit { before: Option<Seq> },
    Held { from: PendingId },
    Ok { number: PendingId },
    No { number: PendingId, reason: &'a str },
    Message(MessageCommand<'a>),
    Invite(Invite),
    Info,
    Choose(Preference),
    Presence,
    Rules { text: &'a str },
    Topic { text: &'a str },
    Rename { name: &'a str },
    Who { who: &'a str },
}

/// Why a text that starts like a command is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandError {
    /// There is no such command.
    Unknown,
    /// What stands behind it is not what it takes. This is the command.
    Usage(&'static str),
}

/// Reads a command. `None` is a text that is to be posted.
pub(super) fn parse(text: &str) -> Option<Result<Command<'_>, CommandError>> {
    let line = text.trim().strip_prefix(['/', '\\'])?;
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let entry = help::find(&word.to_lowercase());
    Some(entry.ok_or(CommandError::Unknown).and_then(|entry| parse_word(entry.word, rest.trim())))
}

fn parse_word<'a>(word: &'static str, rest: &'a str) -> Result<Command<'a>, CommandError> {
    let usage = CommandError::Usage(word);
    let needed = || if rest.is_empty() { Err(usage) } else { Ok(rest) };
    Ok(match word {
        "join" => Command::Join { words: rest },
        "invite" => parse_invite(rest).map(Command::Invite).ok_or(usage)?,
        "info" => Command::Info,
        "rules" => Command::Rules { text: rest },
        "topic" => Command::Topic { text: rest },
        "rename" => Command::Rename { name: needed()? },
        "who" if rest.is_empty() => Command::Presence,
        "who" => Command::Who { who: rest },
        "pause" => Command::Choose(Preference::Push(Push::Nothing)),
        "resume" => Command::Choose(Preference::Push(Push::All)),
        "mode" => parse_mode(rest).map(Command::Choose).ok_or(usage)?,
        "leave" => Command::Leave,
        "nick" => Command::Nick { nick: needed()? },
        "members" => Command::Members { from: first_number(rest).ok_or(usage)? },
        "help" => Command::Help { word: rest },
        "stats" => Command::Stats,
        "announce" => Command::Announce,
        "path" => Command::Path { who: needed()? },
        "cleanup" => Command::CleanUp { words: needed()? },
        "kick" => Command::Kick { who_and_reason: needed()? },
        "mute" => Command::Mute { who_and_reason: needed()? },
        "unmute" => Command::Unmute { who: needed()? },
        "slow" => Command::Slow { value: needed()? },
        "readonly" => Command::ReadOnly { value: needed()? },
        "ban" => Command::Ban { who_and_reason: needed()? },
        "unban" => Command::Unban { who: needed()? },
        "role" => Command::Role { words: needed()? },
        "set" => Command::Set { key_and_value: rest },
        "audit" => Command::Audit { before: first_act(rest).ok_or(usage)? },
        "held" => Command::Held { from: waiting_number(rest).unwrap_or_default().0 },
        "ok" => Command::Ok { number: waiting_number(rest).ok_or(usage)?.0 },
        "no" => {
            let (number, reason) = waiting_number(rest).ok_or(usage)?;
            Command::No { number, reason }
        }
        "pn" => Command::Node { node: needed()? },
        "claim" => Command::Claim { code: needed()? },
        _ => {
            return message_command::parse_word(word, rest)
                .unwrap_or(Err(CommandError::Unknown))
                .map(Command::Message);
        }
    })
}

/// A number as it stands in notices, with or without `#`, and what stands behind it.
fn waiting_number(rest: &str) -> Option<(PendingId, &str)> {
    let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let number = word.strip_prefix('#').unwrap_or(word).parse().ok()?;
    Some((PendingId(number), rest.trim()))
}

fn first_act(rest: &str) -> Option<Option<Seq>> {
    match rest.trim_start_matches('#') {
        "" => Some(None),
        digits => digits.parse().ok().map(|seq| Some(Seq(seq))),
    }
}

fn first_number(rest: &str) -> Option<MemberId> {
    match rest {
        "" => Some(MemberId(0)),
        digits => digits.parse().ok().map(MemberId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_people_type_them() {
        let rows = [
            ("/join", Command::Join { words: "" }),
            ("/join Bob Smith", Command::Join { words: "Bob Smith" }),
            ("  \\JOIN  Bob ", Command::Join { words: "Bob" }),
            ("/Leave", Command::Leave),
            ("/leave now", Command::Leave),
            ("/nick Zoë", Command::Nick { nick: "Zoë" }),
            ("/members", Command::Members { from: MemberId(0) }),
            ("/members 38", Command::Members { from: MemberId(38) }),
            ("/HELP", Command::Help { word: "" }),
            ("/kick Bob Smith too loud", Command::Kick { who_and_reason: "Bob Smith too loud" }),
            ("/ban #3\nspam", Command::Ban { who_and_reason: "#3\nspam" }),
            ("/unban 3f2a", Command::Unban { who: "3f2a" }),
            ("/set", Command::Set { key_and_value: "" }),
            ("/Set join-cost 12", Command::Set { key_and_value: "join-cost 12" }),
            ("/hilfe /kick", Command::Help { word: "/kick" }),
            ("/VERLASSEN", Command::Leave),
            ("\\Mitglieder 38", Command::Members { from: MemberId(38) }),
            ("/cleanup older 30d", Command::CleanUp { words: "older 30d" }),
            ("/ok #3", Command::Ok { number: PendingId(3) }),
            ("/no 3 not here", Command::No { number: PendingId(3), reason: "not here" }),
            ("/held", Command::Held { from: PendingId(0) }),
            ("/claim 012Z0-ZABCD", Command::Claim { code: "012Z0-ZABCD" }),
        ];
        for (text, command) in rows {
            assert_eq!(parse(text), Some(Ok(command)), "{text}");
        }
    }

    #[test]
    fn commands_about_messages_are_read_as_people_type_them() {
        let rows = [
            ("/me waves", MessageCommand::Me { text: "waves" }),
            ("/staff who is that?", MessageCommand::Staff { text: "who is that?" }),
            ("/notice We close.", MessageCommand::Notice { text: "We close." }),
            ("/reply 12 yes", MessageCommand::Reply { what_and_text: "12 yes" }),
            ("/react 👍", MessageCommand::React { what_and_reaction: "👍", remove: false }),
            ("/unreact 12 👍", MessageCommand::React { what_and_reaction: "12 👍", remove: true }),
            ("/edit teh -> the", MessageCommand::Edit { what_and_text: "teh -> the" }),
            ("/delete", MessageCommand::Delete { what: "" }),
            ("/pin 12", MessageCommand::Pin { what: "12", remove: false }),
            ("/Unpin #12", MessageCommand::Pin { what: "#12", remove: true }),
        ];
        for (text, command) in rows {
            assert_eq!(parse(text), Some(Ok(Command::Message(command))), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_command_is_never_a_post() {
        for text in ["/dance", "/", "//", "\\", "/ join"] {
            assert_eq!(parse(text), Some(Err(CommandError::Unknown)), "{text}");
        }
        for text in [
            "/nick",
            "/kick ",
            "/ban",
            "/unban",
            "/claim",
            "/members Bob",
            "/ok",
            "/ok x",
            "/no",
            "/me",
            "/reply",
            "/react",
        ] {
            assert!(matches!(parse(text), Some(Err(CommandError::Usage(_)))), "{text}");
        }
        for text in ["hello", "1/2", "", "https://example.org", "a /join"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
