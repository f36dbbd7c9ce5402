//! The commands that post, or that do something to a message; and which message is meant: a number (`12` or `#12`), or a
//! nick for the last one of that person.

use std::time::Duration;

use reticulum::time::UnixTime;

use super::action::Asks;
use super::command::CommandError;
use super::door::Incoming;
use super::ids::{MemberId, Seq};
use super::known::{Known, ListRequest, Listed, Viewer};
use super::post::{Audience, Draft, PostKind, Reference};
use super::recent::RecentPost;
use super::who::{find_member, split_who};
use super::{Action, Caller, Fetch, Group, Language, Outcome, Permission, Refusal, Reported, text};

/// A command about messages as it was typed; what it names is not looked up yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageCommand<'a> {
    Me { text: &'a str },
    Staff { text: &'a str },
    Notice { text: &'a str },
    Reply { what_and_text: &'a str },
    React { what_and_reaction: &'a str, remove: bool },
    Edit { what_and_text: &'a str },
    Delete { what: &'a str },
    Pin { what: &'a str, remove: bool },
    Report { what_and_reason: &'a str },
    New { before: Option<Seq> },
    Since { age: Duration },
    Search { words: &'a str },
    Delivery { what: &'a str },
    Missed,
    Get { what: &'a str },
}

/// Reads a command of which the word is in lower case. `None` is none of these.
pub(super) fn parse_word<'a>(
    word: &'static str,
    rest: &'a str,
) -> Option<Result<MessageCommand<'a>, CommandError>> {
    use MessageCommand::{
        Delete, Delivery, Edit, Get, Me, Missed, New, Notice, Pin, React, Reply, Report, Search, Since, Staff,
    };
    let usage = CommandError::Usage(word);
    let needed = || if rest.is_empty() { Err(usage) } else { Ok(rest) };
    Some(match word {
        "me" => needed().map(|text| Me { text }),
        "staff" => needed().map(|text| Staff { text }),
        "notice" => needed().map(|text| Notice { text }),
        "reply" => needed().map(|what_and_text| Reply { what_and_text }),
        "react" => needed().map(|what_and_reaction| React { what_and_reaction, remove: false }),
        "unreact" => needed().map(|what_and_reaction| React { what_and_reaction, remove: true }),
        "edit" => needed().map(|what_and_text| Edit { what_and_text }),
        "report" => needed().map(|what_and_reason| Report { what_and_reason }),
        "delete" => Ok(Delete { what: rest }),
        "delivery" => Ok(Delivery { what: rest }),
        "missed" => Ok(Missed),
        "pin" => needed().map(|what| Pin { what, remove: false }),
        "new" => match rest {
            "" => Ok(New { before: None }),
            rest => match number_and_rest(rest) {
                Some((seq, "")) => Ok(New { before: Some(seq) }),
                _ => Err(usage),
            },
        },
        "since" => parse_age(rest).map(|age| Since { age }).ok_or(usage),
        "search" => needed().map(|words| Search { words }),
        "get" => number_and_rest(rest).map(|_| Get { what: rest }).ok_or(usage),
        "unpin" => needed().map(|what| Pin { what, remove: true }),
        _ => return None,
    })
}

impl Incoming<'_> {
    /// A post with this text, brought by this message.
    pub(super) fn draft(&self, text: &str) -> Draft {
        Draft {
            text: text.to_owned(),
            message_id: Some(self.message_id),
            authorship: self.authorship.clone(),
            fields: self.fields.map(Into::into),
            attachments: self.attachments.to_vec(),
            ..Draft::default()
        }
    }

    /// What a message comes down to that is no command. One that answers what is not known is a post of its own.
    pub(super) fn action(&self, known: &Known) -> Result<Action, Refusal> {
        Ok(match &self.reference {
            Some(Reference::Reaction(_, reaction)) => {
                let target = known.reference.ok_or(Refusal::NotFound)?;
                Action::React { target, reaction: reaction.clone(), remove: false }
            }
            Some(Reference::Answer(relation, _)) => {
                let reply_to =
                    known.reference.filter(|seq| known.posts.get(seq).is_some_and(|of| !of.deleted));
                Action::Post(Draft { reply_to, relation: *relation, ..self.draft(self.text) })
            }
            None => Action::Post(self.draft(self.text)),
        })
    }
}

impl MessageCommand<'_> {
    /// Which messages the command asks for, if it does nothing else.
    pub(super) fn list_request(&self, viewer: Viewer) -> Option<ListRequest> {
        let all = ListRequest { viewer, ..ListRequest::default() };
        match self {
            Self::New { before } => Some(ListRequest { before: *before, ..all }),
            Self::Since { .. } => Some(all),
            Self::Search { words } => Some(ListRequest { words: Some((*words).to_owned()), ..all }),
            _ => None,
        }
    }

    /// The answer to a command that asks, made of what was found.
    pub(super) fn list(&self, language: Language, now: UnixTime, found: &[Listed]) -> String {
        match self {
            Self::Since { age } => {
                let end = found.partition_point(|one| now.since(one.time) <= *age);
                text::listed(language, now, &found[..end], None)
            }
            Self::New { .. } => text::listed(language, now, found, Some("/new")),
            _ => text::listed(language, now, found, None),
        }
    }
}

impl Group {
    /// What a command about messages comes down to.
    pub(super) fn message_action(
        &self,
        caller: &Caller,
        incoming: &Incoming<'_>,
        command: MessageCommand<'_>,
    ) -> Result<Action, Refusal> {
        use MessageCommand::{Delete, Edit, Me, Notice, Pin, React, Reply, Report, Staff};
        let post = |text: &str| incoming.draft(text);
        Ok(match command {
            Me { text } => Action::Post(Draft { kind: PostKind::Deed, ..post(text) }),
            Notice { text } => Action::Post(Draft { kind: PostKind::Notice, ..post(text) }),
            Staff { text } => Action::Post(Draft { audience: Audience::staff(), ..post(text) }),
            Reply { what_and_text } => {
                let (target, text) = self.message_and_rest(caller, what_and_text)?;
                Action::Post(Draft { reply_to: Some(target), ..post(text) })
            }
            React { what_and_reaction, remove } => {
                let (target, reaction) = self.message_and_reaction(caller, what_and_reaction)?;
                Action::React { target, reaction: reaction.to_owned(), remove }
            }
            Edit { what_and_text } => {
                let (target, text) = self.own_message_and_text(caller, what_and_text)?;
                Action::Edit { target, text: text.to_owned() }
            }
            Delete { what: "" } => Action::Delete { target: self.own_last_message(caller)? },
            Delete { what } => Action::Delete { target: self.message_and_rest(caller, what)?.0 },
            Report { what_and_reason } => self.report_action(what_and_reason)?,
            Pin { what, remove } => Action::Pin { target: self.message_and_rest(caller, what)?.0, remove },
            // These ask, see `list_request`, `asks` and `fetch`.
            MessageCommand::Get { .. }
            | MessageCommand::New { .. }
            | MessageCommand::Since { .. }
            | MessageCommand::Search { .. }
            | MessageCommand::Delivery { .. }
            | MessageCommand::Missed => return Err(Refusal::NotFound),
        })
    }

    /// `/get 12`, or `/get 12 2` for the second attachment: what the caller may read is sent to them.
    pub(super) fn fetch(&self, caller: &Caller, what: &str, known: &Known) -> Result<Outcome, Refusal> {
        let (seq, rest) = number_and_rest(what).ok_or(Refusal::NotFound)?;
        self.readable(caller, seq, known)?;
        let number = match rest {
            "" => None,
            digits => Some(digits.parse().map_err(|_| Refusal::NotFound)?),
        };
        Ok(Outcome { fetch: Some(Fetch { seq, number }), ..Outcome::default() })
    }

    /// What a command asks of the delivery of posts, if it does. An author may know who has their post, and so may those
    /// who read the audit log.
    pub(super) fn asks(
        &self,
        caller: &Caller,
        command: MessageCommand<'_>,
    ) -> Option<Result<Outcome, Refusal>> {
        let asks = match command {
            MessageCommand::Missed => self.require_member(caller).map(|_| Asks::Missed),
            MessageCommand::Delivery { what } => self.asked_post(caller, what).map(Asks::Delivery),
            _ => return None,
        };
        Some(asks.map(|asks| Outcome { asks: Some(asks), ..Outcome::default() }))
    }

    fn asked_post(&self, caller: &Caller, what: &str) -> Result<Box<RecentPost>, Refusal> {
        let own = self.require_member(caller)?.id;
        let seq = match what {
            "" => self.own_last_message(caller)?,
            what => number_and_rest(what).ok_or(Refusal::NotFound)?.0,
        };
        let post = self.recent.newest().find(|post| post.seq == seq).ok_or(Refusal::NotFound)?;
        if post.author != Some(own) {
            self.authorize(caller, Permission::ReadAudit)?;
        }
        Ok(Box::new(post.clone()))
    }

    /// A bare number is that of a message; `#3`, a nick or a piece of a hash names a member.
    fn report_action(&self, text: &str) -> Result<Action, Refusal> {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        if let Ok(seq) = word.parse() {
            return Ok(Action::Report { what: Reported::Message(Seq(seq)), reason: rest.trim().to_owned() });
        }
        let (who, reason) = split_who(&self.state.roster, text)?;
        Ok(Action::Report { what: Reported::Member(who), reason: reason.to_owned() })
    }

    /// Splits `12 text` or `nick text` into the message that is meant and what follows.
    fn message_and_rest<'a>(&self, caller: &Caller, text: &'a str) -> Result<(Seq, &'a str), Refusal> {
        if let Some(found) = number_and_rest(text) {
            return Ok(found);
        }
        let (who, rest) = split_who(&self.state.roster, text)?;
        let member = find_member(&self.state.roster, &who)?.id;
        let last = self.last_message(caller, |author| author == Some(member));
        Ok((last.ok_or(Refusal::NotFound)?, rest))
    }

    /// As [`Self::message_and_rest`] for `/react`, where a reaction alone is for the newest message of others.
    fn message_and_reaction<'a>(&self, caller: &Caller, text: &'a str) -> Result<(Seq, &'a str), Refusal> {
        if text.contains(char::is_whitespace) {
            return self.message_and_rest(caller, text);
        }
        let own = self.member_of(caller).map(|member| member.id);
        let newest = self.last_message(caller, |author| author != own);
        Ok((newest.ok_or(Refusal::NotFound)?, text))
    }

    /// As [`Self::message_and_rest`] for `/edit`, where a text alone is for one's own newest message.
    fn own_message_and_text<'a>(&self, caller: &Caller, text: &'a str) -> Result<(Seq, &'a str), Refusal> {
        match number_and_rest(text).filter(|(_, rest)| !rest.is_empty()) {
            Some(found) => Ok(found),
            None => Ok((self.own_last_message(caller)?, text)),
        }
    }

    fn own_last_message(&self, caller: &Caller) -> Result<Seq, Refusal> {
        let own = Some(self.require_member(caller)?.id);
        self.last_message(caller, |author| author == own).ok_or(Refusal::NotFound)
    }

    /// The newest message that the caller can read and whose author is wanted.
    fn last_message(&self, caller: &Caller, is_wanted: impl Fn(Option<MemberId>) -> bool) -> Option<Seq> {
        let viewer = self.viewer(caller);
        let found = self.recent.newest().find(|post| {
            is_wanted(post.author)
                && viewer.sees(post.author, &post.audience)
                && !self.recent.is_deleted(post.seq)
        });
        found.map(|post| post.seq)
    }
}

/// Reads `30m`, `2h` or `1d`.
fn parse_age(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_s = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(u64::from(digits.parse::<u16>().ok()?) * unit_s))
}

pub(super) fn number_and_rest(text: &str) -> Option<(Seq, &str)> {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let digits = word.strip_prefix('#').unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(|seq| (Seq(seq), rest.trim()))
}
