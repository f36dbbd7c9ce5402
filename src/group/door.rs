//! The door of plain LXMF clients: whatever text somebody sends to the group goes through here.
//!
//! A member's text is posted; a command is done and answered in private; a stranger gets one line that says how to
//! join, once an hour, and nothing of theirs is posted. The commands about messages stand in `message_command.rs`.

use std::time::Duration;

use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::time::UnixTime;

use super::attachment::Attachment;
use super::command::{self, Command, CommandError};
use super::event::Visibility;
use super::help;
use super::ids::{MemberId, MessageId};
use super::known::{Known, Needs, Viewer};
use super::message_command::{MessageCommand, number_and_rest};
use super::post::{Authorship, Reference};
use super::probe::Probe;
use super::refusal::Refusal;
use super::setting::{Key, Setting};
use super::span;
use super::who::{Who, find_member, split_who};
use super::{
    Action, ActsRequest, Asks, Caller, CleanUp, Group, MemberUpdate, Outcome, Permission, Permissions, Role,
    RoleRef, act_text, text,
};

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// What it says.
    pub text: &'a str,
    /// Its id.
    pub message_id: MessageId,
    /// The author's own signature, where it is to be kept.
    pub authorship: Option<Box<Authorship>>,
    /// What it is known to have paid, in bits.
    pub paid_bits: u32,
    /// What it says of another message.
    pub reference: Option<Reference>,
    /// The packed fields that nothing here stands for.
    pub fields: Option<&'a [u8]>,
    /// What is attached to it.
    pub attachments: &'a [Attachment],
    /// What the sender's program asks beside that.
    pub probe: Option<Probe>,
}

impl Incoming<'_> {
    /// Whether nothing in it is for people.
    fn is_probe_only(&self) -> bool {
        let is_bare = self.text.trim().is_empty() && self.attachments.is_empty() && self.reference.is_none();
        self.probe.is_some() && is_bare
    }
}

impl Group {
    /// What has to be looked up before [`Self::handle_text`] can take this message in.
    pub fn needs_of_text(&self, now: UnixTime, caller: &Caller, incoming: &Incoming<'_>) -> Needs {
        if self.member_of(caller).is_none() {
            return Needs::default();
        }
        match command::parse(incoming.text) {
            None => {
                let reference = incoming.reference.as_ref().map(Reference::target);
                Needs { reference, ..Needs::default() }
            }
            Some(Ok(Command::Message(command))) => {
                if let Some(list) = command.list_request(self.viewer(caller)) {
                    return Needs { list: Some(list), ..Needs::default() };
                }
                if let MessageCommand::Get { what } = command {
                    let posts = number_and_rest(what).map(|(seq, _)| seq).into_iter().collect();
                    return Needs { posts, ..Needs::default() };
                }
                let action = self.message_action(caller, incoming, command);
                action.map(|action| action.needs()).unwrap_or_default()
            }
            Some(Ok(Command::Audit { before })) if self.authorize(caller, Permission::ReadAudit).is_ok() => {
                let acts = ActsRequest { after: None, before, acts_max: act_text::ACTS_TOLD_MAX };
                Needs { acts: Some(acts), ..Needs::default() }
            }
            Some(Ok(Command::CleanUp { words })) if self.authorize(caller, Permission::DeleteAny).is_ok() => {
                self.clean_up_action(now, words).map(|action| action.needs()).unwrap_or_default()
            }
            Some(_) => Needs::default(),
        }
    }

    /// Takes a text that somebody sent. Refusals come back as replies. The caller has recognised copies before
    /// (see [`super::Dedup`]), and records the message as seen whatever comes of it.
    pub fn handle_text(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        incoming: Incoming<'_>,
        known: &Known,
    ) -> Outcome {
        let Caller::Identity { identity, .. } = caller else {
            return Outcome::told(text::refusal(self.state.settings.language, &Refusal::NotIdentified));
        };
        let identity = identity.hash();
        let language = self.language_for(identity);
        let is_stranger = self.member_by_identity(identity).is_none();
        let probed = match &incoming.probe {
            Some(probe) if !is_stranger => self.answer_probe(now, caller, probe),
            _ => None,
        };
        if incoming.is_probe_only() && !is_stranger {
            return match probed {
                Some(Err(refusal)) => Outcome::told(text::refusal(language, &refusal)),
                Some(Ok(answer)) => Outcome::told(answer),
                None => Outcome::default(),
            };
        }
        let command = command::parse(incoming.text);
        if is_stranger && !matches!(command, Some(Ok(Command::Join { .. } | Command::Claim { .. }))) {
            return self.answer_stranger(now, identity);
        }
        let done = match command {
            None => incoming.action(known).and_then(|action| self.decide_knowing(now, caller, action, known)),
            Some(Ok(Command::Join { words })) => {
                self.decide(now, caller, self.join_action(words, incoming.paid_bits))
            }
            Some(Ok(Command::Message(command))) if command.list_request(Viewer::default()).is_some() => {
                Ok(Outcome::told(command.list(language, now, &known.list)))
            }
            Some(Ok(Command::Message(MessageCommand::Get { what }))) => self.fetch(caller, what, known),
            Some(Ok(Command::Message(command))) => self.asks(caller, command).unwrap_or_else(|| {
                self.message_action(caller, &incoming, command)
                    .and_then(|action| self.decide_knowing(now, caller, action, known))
            }),
            Some(Ok(Command::Audit { .. })) => self
                .authorize(caller, Permission::ReadAudit)
                .map(|()| Outcome::told(act_text::acts(language, now, &known.acts, &self.state))),
            Some(Ok(Command::CleanUp { words })) => self
                .clean_up_action(now, words)
                .and_then(|action| self.decide_knowing(now, caller, action, known)),
            Some(Ok(command)) => self.command(now, caller, command),
            Some(Err(CommandError::Unknown)) => Ok(Outcome::told(text::unknown_command(language))),
            Some(Err(CommandError::Usage(word))) => {
                Ok(Outcome::told(text::usage(language, help::usage(language, word))))
            }
        };
        match done {
            Ok(mut outcome) => {
                if let (None, Some(Ok(answer))) = (&outcome.reply, probed) {
                    outcome.reply = Some(answer);
                }
                outcome
            }
            Err(_) if is_stranger && self.stranger_refusals.take(identity, now).is_err() => {
                Outcome::default()
            }
            Err(refusal) => Outcome::told(text::refusal(language, &refusal)),
        }
    }

    fn command(&mut self, now: UnixTime, caller: &Caller, command: Command<'_>) -> Result<Outcome, Refusal> {
        let language = self.language_of(caller);
        let action = match command {
            // Taken before: they depend on how they came, or on what has to be looked up.
            Command::Join { .. } | Command::Message(_) | Command::Audit { .. } | Command::CleanUp { .. } => {
                return Err(Refusal::NotFound);
            }
            Command::Invite(invite) => Self::invite_action(invite),
            Command::Rules { text } => return self.tell_or_set(now, caller, Key::Rules, text),
            Command::Topic { text } => return self.tell_or_set(now, caller, Key::Topic, text),
            Command::Rename { name } => return self.tell_or_set(now, caller, Key::Name, name),
            Command::Who { who } => return Ok(Outcome::told(self.who_is(language, who)?)),
            Command::Choose(preference) => Action::Choose { preferences: vec![preference] },
            Command::Presence => return Ok(Outcome::told(self.who_is_there(now, caller)?)),
            Command::Info => return Ok(Outcome::told(text::info(language, &self.state))),
            Command::Leave => Action::Leave,
            Command::Nick { nick } => nick_action(nick),
            Command::Claim { code } => Action::Claim { code: code.to_owned() },
            Command::Unban { who } => Action::Unban { who: Who::Text(who.to_owned()) },
            Command::Kick { who_and_reason } => {
                let (who, reason) = self.split_who(who_and_reason)?;
                Action::Kick { who, reason }
            }
            Command::Ban { who_and_reason } => {
                let (who, lasts, reason) = self.split_terms(who_and_reason)?;
                Action::Ban { who, lasts, reason }
            }
            Command::Mute { who_and_reason } => {
                let (who, lasts, reason) = self.split_terms(who_and_reason)?;
                Action::Mute { who, lasts, reason }
            }
            Command::Unmute { who } => Action::Unmute { who: Who::Text(who.to_owned()) },
            Command::Slow { value } => self.setting_action(Key::SlowMode, &slow_mode(value))?,
            Command::ReadOnly { value } => self.setting_action(Key::ReadOnly, value)?,
            Command::Ok { number } => Action::Approve { number },
            Command::No { number, reason } => Action::Reject { number, reason: reason.to_owned() },
            Command::Held { from } => {
                self.authorize(caller, Permission::Approve)?;
                return Ok(Outcome::told(text::held_list(language, &self.state, from)));
            }
            Command::Role { words } => return self.role_command(now, caller, words),
            Command::Set { key_and_value } => return self.set_command(now, caller, key_and_value),
            Command::Members { from } => {
                let roster = &self.state.roster;
                return Ok(Outcome::told(text::members(
                    language,
                    roster.len(),
                    roster.iter_from(from),
                    &self.state.roles,
                )));
            }
            Command::Node { node } => return self.node_command(caller, node),
            Command::Announce => {
                self.authorize(caller, Permission::HearStaff)?;
                return Ok(Outcome { asks: Some(Asks::Announce), ..Outcome::default() });
            }
            Command::Path { who } => {
                self.authorize(caller, Permission::HearStaff)?;
                let member = find_member(&self.state.roster, &Who::Text(who.to_owned()))?.id;
                return Ok(Outcome { asks: Some(Asks::Path(member)), ..Outcome::default() });
            }
            Command::Stats => {
                self.authorize(caller, Permission::HearStaff)?;
                return Ok(Outcome::told(text::stats(language, &self.state)));
            }
            Command::Help { word } => {
                let permissions = self.permissions_of(self.require_member(caller)?);
                return Ok(Outcome::told(help::help(language, permissions, word)));
            }
        };
        self.decide(now, caller, action)
    }

    /// `/cleanup WHO`, `/cleanup WHO 2h`, `/cleanup older 30d`: all messages of a member, their newest, or old ones.
    fn clean_up_action(&self, now: UnixTime, words: &str) -> Result<Action, Refusal> {
        let before = |age: Duration| {
            let age_us = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
            UnixTime::from_micros(now.as_micros().saturating_sub(age_us))
        };
        let (word, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        if let ("older" | "älter", Some(age)) = (word.to_lowercase().as_str(), span::parse(rest.trim())) {
            let what = CleanUp { before: Some(before(age)), ..CleanUp::default() };
            return Ok(Action::CleanUp { what, reason: String::new() });
        }
        let (who, age, reason) = self.split_terms(words)?;
        let author = Some(find_member(&self.state.roster, &who)?.id);
        let what = CleanUp { author, since: age.map(before), ..CleanUp::default() };
        Ok(Action::CleanUp { what, reason })
    }

    /// `/role WHO ROLE`, `/role WHO +PERMISSION -PERMISSION =PERMISSION`; `/role create NAME RANK PERMISSION …`,
    /// `/role delete NAME`.
    fn role_command(&mut self, now: UnixTime, caller: &Caller, words: &str) -> Result<Outcome, Refusal> {
        if let Some(action) = custom_role_action(words) {
            return self.decide(now, caller, action);
        }
        let (who, rest) = self.split_who(words)?;
        let action = match permission_changes(&rest) {
            Some([grant, revoke, reset]) => Action::ChangePermissions { who, grant, revoke, reset },
            None => Action::AssignRole { who, role: RoleRef::Name(rest) },
        };
        self.decide(now, caller, action)
    }

    /// `/set` and `/set 9` list, `/set KEY` shows one, `/set KEY VALUE` changes it; a value of `-` empties it.
    fn set_command(&mut self, now: UnixTime, caller: &Caller, rest: &str) -> Result<Outcome, Refusal> {
        self.require_member(caller)?;
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let settings = &self.state.settings;
        if let Some(from) = if name.is_empty() { Some(0) } else { name.parse().ok() } {
            return Ok(Outcome::told(text::settings(self.language_of(caller), settings, from)));
        }
        let key = Key::named(name).ok_or(Refusal::NotFound)?;
        match value.trim() {
            "" => Ok(Outcome::told(text::setting(self.language_of(caller), &settings.setting(key)))),
            value => {
                let value = if value == "-" { "" } else { value };
                let setting = Setting::parse(key, value).map_err(|_| Refusal::BadValue { key })?;
                self.decide(now, caller, Action::Set { settings: vec![setting] })
            }
        }
    }

    /// Who, for how long, and why.
    fn split_terms(&self, text: &str) -> Result<(Who, Option<Duration>, String), Refusal> {
        let (who, rest) = split_who(&self.state.roster, text)?;
        let (lasts, reason) = span::split(rest);
        Ok((who, lasts, reason.to_owned()))
    }

    fn setting_action(&self, key: Key, value: &str) -> Result<Action, Refusal> {
        let setting = Setting::parse(key, value).map_err(|_| Refusal::BadValue { key })?;
        Ok(Action::Set { settings: vec![setting] })
    }

    /// `/pn HASH` names the propagation node on which the caller looks for messages, `/pn -` none.
    fn node_command(&self, caller: &Caller, word: &str) -> Result<Outcome, Refusal> {
        self.require_member(caller)?;
        let node = match word {
            "-" => None,
            hash => Some(DestinationHash::from_hex(hash).ok_or(Refusal::NotFound)?),
        };
        Ok(Outcome { node: Some(node), ..Outcome::told(text::node(self.language_of(caller), node)) })
    }

    fn split_who(&self, text: &str) -> Result<(Who, String), Refusal> {
        split_who(&self.state.roster, text).map(|(who, reason)| (who, reason.to_owned()))
    }

    fn answer_stranger(&mut self, now: UnixTime, identity: IdentityHash) -> Outcome {
        if self.stranger_answers.take(identity, now).is_err() {
            return Outcome::default();
        }
        if let Some(ban) = self.state.bans.get(&identity) {
            return Outcome::told(text::refusal(
                self.state.settings.language,
                &Refusal::Banned { reason: ban.reason.clone() },
            ));
        }
        let name = (self.state.settings.visibility == Visibility::Public)
            .then_some(self.state.settings.name.as_str());
        Outcome::told(text::stranger(self.state.settings.language, name))
    }
}

/// `/nick Bob` for oneself, `/nick #3 Bob` for somebody else.
fn nick_action(words: &str) -> Action {
    if words.starts_with('#')
        && let Some((member, nick)) = number_and_rest(words).filter(|(_, nick)| !nick.is_empty())
    {
        let who = Who::Member(MemberId(u32::try_from(member.0).unwrap_or(u32::MAX)));
        let update = MemberUpdate { nick: Some(nick.to_owned()), ..MemberUpdate::default() };
        return Action::UpdateMember { who, update };
    }
    Action::Rename { nick: words.to_owned() }
}

/// `/slow 30`, `/slow 2m`, `/slow off`: as the seconds that the setting takes.
fn slow_mode(value: &str) -> String {
    match (value, span::parse(value)) {
        (_, Some(span)) => span.as_secs().to_string(),
        (value, None) if value.eq_ignore_ascii_case("off") => "0".to_owned(),
        (value, None) => value.to_owned(),
    }
}

/// Reads `create NAME RANK PERMISSION …` and `delete NAME`; a rank that is left out is that of a member.
fn custom_role_action(words: &str) -> Option<Action> {
    let mut words = words.split_whitespace();
    let (verb, name) = (words.next()?.to_lowercase(), words.next()?.to_owned());
    if verb == "delete" && words.clone().next().is_none() {
        return Some(Action::DeleteRole { role: RoleRef::Name(name) });
    }
    if verb != "create" {
        return None;
    }
    let rank = words.clone().next().and_then(|word| word.parse().ok());
    if rank.is_some() {
        words.next();
    }
    let permissions = words.map(Permission::from_name).collect::<Option<Vec<_>>>()?;
    Some(Action::DefineRole {
        role: None,
        name,
        permissions: Permissions::of(&permissions),
        rank: rank.unwrap_or(Role::Member.rank().0),
        quiet: false,
    })
}

/// Reads `+kick -post =mute` as what is to be granted, revoked and reset; `None` if any word is something else.
fn permission_changes(text: &str) -> Option<[Permissions; 3]> {
    let mut changes = [Permissions::NONE; 3];
    let words = text.split_whitespace();
    for word in words.clone() {
        let (sign, name) = word.split_at_checked(1)?;
        let change = changes.get_mut("+-=".find(sign)?)?;
        *change = change.with(Permissions::of(&[Permission::from_name(name)?]));
    }
    (words.count() > 0).then_some(changes)
}
