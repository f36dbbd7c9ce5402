//! The commands about coming in, and about what the group is.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::activity::Presence;
use super::command::{self, Command};
use super::entry::{InviteCode, Pass};
use super::ids::Seq;
use super::preference::Preference;
use super::setting::{Key, Setting};
use super::who::{Who, find_member};
use super::{Action, Caller, Group, Language, Outcome, Refusal, text};

/// For how long a code lets people in where nothing else is said.
const CODE_LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What somebody wants with `/invite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invite {
    Person(IdentityHash),
    Code { uses: u32, lasts: Option<Duration> },
    NotPerson(IdentityHash),
    NotCode(Seq),
}

impl Group {
    /// `/join`, `/join NICK`, `/join CODE`, `/join CODE NICK`. A word that could be a name is a code only if it is one here.
    pub(super) fn join_action(&self, words: &str, paid_bits: u32) -> Action {
        let (first, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        let is_code = InviteCode::is_written_like_one(first)
            || InviteCode::parse(first)
                .is_some_and(|code| self.state.invitations.code(code.hash()).is_some());
        let paid = if paid_bits > 0 { Pass::Work { bits: paid_bits } } else { Pass::None };
        let (pass, nick) = if is_code { (Pass::Code(first.to_owned()), rest.trim()) } else { (paid, words) };
        Action::Join { nick: (!nick.is_empty()).then(|| nick.to_owned()), pass }
    }

    /// `/who`: who is there.
    pub(super) fn who_is_there(&self, now: UnixTime, caller: &Caller) -> Result<String, Refusal> {
        self.require_member(caller)?;
        let of = |presence| {
            let there = self.state.roster.iter().filter(move |member| self.presence(now, member) == presence);
            there.map(|member| member.nick.as_str()).collect::<Vec<_>>()
        };
        let language = self.language_of(caller);
        Ok(text::who_is_there(language, &of(Presence::Online), &of(Presence::Away), self.state.roster.len()))
    }

    /// `/who WHO`: one member.
    pub(super) fn who_is(&self, language: Language, who: &str) -> Result<String, Refusal> {
        let member = find_member(&self.state.roster, &Who::Text(who.to_owned()))?;
        let invited_by = member.invited_by.and_then(|by| self.state.roster.by_id(by));
        let role = self.state.roles.name(member.role);
        Ok(text::member(language, member, role, invited_by.map(|by| by.nick.as_str())))
    }

    /// Whether a text asks to come in without a code.
    pub(super) fn is_plain_join(&self, text: &str) -> bool {
        let Some(Ok(Command::Join { words })) = command::parse(text) else { return false };
        matches!(self.join_action(words, 0), Action::Join { pass: Pass::None, .. })
    }

    pub(super) fn invite_action(invite: Invite) -> Action {
        match invite {
            Invite::Person(identity) => Action::Invite { identity },
            Invite::Code { uses, lasts } => Action::IssueCode { uses, lasts },
            Invite::NotPerson(identity) => Action::Uninvite { identity },
            Invite::NotCode(number) => Action::RevokeCode { number },
        }
    }

    /// `/rules`, `/topic`, `/rename`: what it is or, with a value behind it, what it is from now on.
    pub(super) fn tell_or_set(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        key: Key,
        value: &str,
    ) -> Result<Outcome, Refusal> {
        self.require_member(caller)?;
        if value.is_empty() {
            return Ok(Outcome::told(text::told_setting(
                self.language_of(caller),
                &self.state.settings.setting(key),
            )));
        }
        let value = if value == "-" { "" } else { value };
        let setting = Setting::parse(key, value).map_err(|_| Refusal::BadValue { key })?;
        self.decide(now, caller, Action::Set { settings: vec![setting] })
    }
}

/// Reads what stands behind `/mode`.
pub(super) fn parse_mode(words: &str) -> Option<Preference> {
    let mut words = words.split_whitespace();
    let (first, second) = (words.next()?, words.next());
    let preference = match second {
        Some(word) => Preference::named(first, word),
        None => Preference::named("push", first),
    };
    preference.ok().filter(|_| words.next().is_none())
}

/// Reads what stands behind `/invite`.
pub(super) fn parse_invite(words: &str) -> Option<Invite> {
    let mut words = words.split_whitespace();
    let first = words.next()?;
    let invite = match first.to_lowercase().as_str() {
        "code" => {
            let (mut uses, mut lasts) = (1, Some(CODE_LASTS));
            for word in words.by_ref() {
                match (word.parse(), span(word)) {
                    (Ok(number), _) if number > 0 => uses = number,
                    (_, Some(span)) => lasts = Some(span),
                    _ if word.eq_ignore_ascii_case("forever") => lasts = None,
                    _ => return None,
                }
            }
            Invite::Code { uses, lasts }
        }
        "no" => {
            let whose = words.next()?;
            match IdentityHash::from_hex(bare(whose)) {
                Some(identity) => Invite::NotPerson(identity),
                None => Invite::NotCode(Seq(whose.trim_start_matches('#').parse().ok()?)),
            }
        }
        _ => Invite::Person(IdentityHash::from_hex(bare(first))?),
    };
    words.next().is_none().then_some(invite)
}

/// Reads `30m`, `12h`, `7d`.
fn span(word: &str) -> Option<Duration> {
    let unit = word.chars().last()?;
    let number: u64 = word[..word.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit.to_ascii_lowercase() {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    (1..=36_500).contains(&number).then(|| Duration::from_secs(number * seconds))
}

/// Without the angle brackets with which clients print a hash.
fn bare(hash: &str) -> &str {
    hash.trim_start_matches('<').trim_end_matches('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_read_as_people_type_them() {
        const HASH: &str = "000102030405060708090a0b0c0d0e0f";
        let identity = IdentityHash::from_hex(HASH).unwrap();
        let code =
            |uses, hours: u64| Some(Invite::Code { uses, lasts: Some(Duration::from_secs(hours * 3_600)) });
        let rows = [
            (HASH.to_owned(), Some(Invite::Person(identity))),
            (format!("<{HASH}>"), Some(Invite::Person(identity))),
            (format!("no {HASH}"), Some(Invite::NotPerson(identity))),
            ("no #17".into(), Some(Invite::NotCode(Seq(17)))),
            ("code".into(), code(1, 168)),
            ("Code 5".into(), code(5, 168)),
            ("code 5 12h".into(), code(5, 12)),
            ("code 2d".into(), code(1, 48)),
            ("code 3 forever".into(), Some(Invite::Code { uses: 3, lasts: None })),
            ("code 0".into(), None),
            ("code soon".into(), None),
            ("Bob".into(), None),
            (format!("{HASH} please"), None),
            ("no".into(), None),
        ];
        for (words, expected) in rows {
            assert_eq!(parse_invite(&words), expected, "{words}");
        }
    }
}
