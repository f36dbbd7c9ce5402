//! Conversations of two: who the two are, and how both come in.
//!
//! Both are members from the start where the node knows their keys; who was not heard yet comes in when that happens.
//! Neither stands above the other, nobody else can come in, and who left may come back. Which two a conversation is of
//! follows from its log, so that the same two always find the same one.

use std::collections::BTreeSet;
use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::entry::Entry;
use super::event::{Event, EventKind, Visibility};
use super::nick::{NICK_CHARS_MAX, clean_name};
use super::setting::{JoinPolicy, Kind, Setting, Settings};
use super::state::State;
use super::{Caller, Group, Notice, Refusal, text};

/// The two of a conversation, whoever is named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair([IdentityHash; 2]);

/// One of the two.
#[derive(Clone, Debug)]
pub enum Party {
    /// Somebody whose keys are known, and the name that they announce or wish.
    Known {
        /// Who.
        identity: Arc<PublicIdentity>,
        /// What they would be called.
        name: Option<String>,
    },
    /// Somebody who was not heard yet.
    Unheard(IdentityHash),
}

impl Pair {
    /// These two; `None` if they are one.
    pub fn new(one: IdentityHash, other: IdentityHash) -> Option<Self> {
        (one != other).then(|| Self([one.min(other), one.max(other)]))
    }

    /// Both of them.
    pub fn both(&self) -> [IdentityHash; 2] {
        self.0
    }
}

impl Party {
    fn hash(&self) -> IdentityHash {
        match self {
            Self::Known { identity, .. } => identity.hash(),
            Self::Unheard(hash) => *hash,
        }
    }

    /// What the conversation calls them in its name.
    fn label(&self) -> String {
        let name = match self {
            Self::Known { name, .. } => clean_name(name.as_deref().unwrap_or_default(), NICK_CHARS_MAX),
            Self::Unheard(_) => String::new(),
        };
        if name.is_empty() { self.hash().to_string().chars().take(8).collect() } else { name }
    }
}

impl State {
    /// Whose conversation this is, if it is one of two.
    pub fn pair(&self) -> Option<Pair> {
        if self.settings.kind != Kind::Direct {
            return None;
        }
        let present = self.roster.iter().map(|member| member.identity.hash());
        let invited = self.invitations.people.keys().copied();
        let all: BTreeSet<_> = present.chain(invited).chain(self.former.identities()).collect();
        let mut all = all.into_iter();
        Pair::new(all.next()?, all.next()?).filter(|_| all.next().is_none())
    }
}

impl Group {
    /// A new conversation of `parties` and the events that make it so. Without a name it has theirs.
    pub fn create_direct(now: UnixTime, settings: &Settings, parties: &[Party; 2]) -> (Self, Vec<Event>) {
        let mut settings = Settings {
            visibility: Visibility::Private,
            join: JoinPolicy::Invitation,
            capacity: 2,
            hold_first: 0,
            idle_days: 0,
            read_only: false,
            ..settings.clone()
        };
        if settings.name.trim().is_empty() {
            let name = Setting::Name(format!("{} & {}", parties[0].label(), parties[1].label())).cleaned();
            name.iter().for_each(|name| settings.apply(name));
        }
        let (mut group, mut events) = Self::create(now, &settings, None);
        // Nobody can set this, so what is created has it from its log.
        events.push(group.record(now, None, EventKind::SettingChanged(Setting::Kind(Kind::Direct))));
        for party in parties {
            events.push(match party {
                Party::Known { identity, name } => {
                    let wanted = name.as_deref().unwrap_or_default();
                    group.enter(now, Arc::clone(identity), wanted, Entry::Invited).0
                }
                Party::Unheard(hash) => group.record(now, None, EventKind::Invited { identity: *hash }),
            });
        }
        (group, events)
    }

    /// Lets the one come in who was not heard until now. Whoever left is asked instead.
    pub fn first_contact(&mut self, now: UnixTime, caller: &Caller) -> Option<Event> {
        let hash = self.require_identity(caller).ok()?.hash();
        let is_awaited = self.state.settings.kind == Kind::Direct
            && self.state.invitations.people.contains_key(&hash)
            && self.state.former.member(hash).is_none();
        if is_awaited { self.come_back(now, caller).ok().flatten() } else { None }
    }

    /// One of the two wants the conversation that there is already: who left is in again, who is in stays.
    pub fn come_back(&mut self, now: UnixTime, caller: &Caller) -> Result<Option<Event>, Refusal> {
        let identity = Arc::clone(self.require_identity(caller)?);
        if self.member_by_identity(identity.hash()).is_some() {
            return Ok(None);
        }
        if self.state.pair().is_none_or(|pair| !pair.both().contains(&identity.hash())) {
            return Err(Refusal::NotInThisKind);
        }
        self.take_change(now, identity.hash())?;
        let Caller::Identity { announced_name, .. } = caller else { return Err(Refusal::NotIdentified) };
        let wanted = announced_name.clone().unwrap_or_default();
        Ok(Some(self.enter(now, identity, &wanted, Entry::Invited).0))
    }

    /// Asks the other one of the two back, who left: they are told when they are heard. `None` where they are in, or know.
    pub fn ask_back(&mut self, now: UnixTime, person: IdentityHash) -> Option<Event> {
        let is_out = self.member_by_identity(person).is_none();
        let is_news = !self.state.invitations.people.contains_key(&person);
        let may = !self.state.bans.contains_key(&person);
        (is_out && is_news && may).then(|| self.record(now, None, EventKind::Invited { identity: person }))
    }

    /// What each of the two who are in is told at the beginning.
    pub fn pair_welcome(&self, person: IdentityHash) -> Option<Notice> {
        let member = self.member_by_identity(person).filter(|_| self.state.settings.kind == Kind::Direct)?;
        let mut others = self.state.roster.iter().filter(|other| other.id != member.id);
        let other = others.next().map(|other| other.nick.as_str());
        let text =
            text::welcome_to_pair(self.language_for(person), &self.state.settings, &member.nick, other);
        Some(Notice { to: Arc::clone(&member.identity), text })
    }
}

#[cfg(test)]
mod tests {
    use reticulum::crypto::Identity;

    use super::*;
    use crate::group::{Action, Pass, Permission, Who};

    const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

    fn caller(n: u8, name: &str) -> Caller {
        let identity = Arc::new(Identity::from_bytes(&[n; 64]).public().clone());
        Caller::Identity { identity, announced_name: Some(name.to_owned()) }
    }

    fn hash(caller: &Caller) -> IdentityHash {
        let Caller::Identity { identity, .. } = caller else { panic!("somebody") };
        identity.hash()
    }

    fn known(caller: &Caller) -> Party {
        let Caller::Identity { identity, announced_name } = caller else { panic!("somebody") };
        Party::Known { identity: Arc::clone(identity), name: announced_name.clone() }
    }

    fn settings() -> Settings {
        Settings { name: String::new(), hold_first: 3, ..Settings::default() }
    }

    #[test]
    fn two_who_are_known_are_both_in_from_the_start_and_neither_stands_above_the_other() {
        let (ann, bob) = (caller(1, "Ann"), caller(2, "Bob"));
        let (group, events) = Group::create_direct(NOW, &settings(), &[known(&ann), known(&bob)]);
        assert_eq!((group.settings().name.as_str(), group.state().roster.len()), ("Ann & Bob", 2));
        assert_eq!(group.state().pair(), Pair::new(hash(&bob), hash(&ann)));
        assert_eq!(&State::replay(&events), group.state());
        for one in [&ann, &bob] {
            assert_eq!(group.authorize(one, Permission::DeleteGroup), Ok(()));
            assert_eq!(group.authorize(one, Permission::Kick), Err(Refusal::NoPermission));
        }
        let welcome = group.pair_welcome(hash(&bob)).unwrap().text;
        assert!(welcome.contains("Ann") && welcome.contains("Bob"), "{welcome}");
    }

    #[test]
    fn nobody_adds_a_third_by_any_way_in() {
        let (ann, bob, eve) = (caller(1, "Ann"), caller(2, "Bob"), caller(3, "Eve"));
        let (mut group, _) =
            Group::create_direct(NOW, &settings(), &[known(&ann), Party::Unheard(hash(&bob))]);
        let join = || Action::Join { nick: None, pass: Pass::None };
        assert_eq!(group.decide(NOW, &eve, join()), Err(Refusal::NotInvited));
        for caller in [&ann, &Caller::Operator] {
            let code = Action::IssueCode { uses: 1, lasts: None };
            assert!(group.decide(NOW, caller, code).is_err());
            let invite = Action::Invite { identity: hash(&eve) };
            assert!(group.decide(NOW, caller, invite).is_err());
            let uninvite = Action::Uninvite { identity: hash(&bob) };
            assert!(group.decide(NOW, caller, uninvite).is_err());
            let open = Action::Set { settings: vec![Setting::Join(JoinPolicy::Open)] };
            assert!(group.decide(NOW, caller, open).is_err());
        }
        assert_eq!(group.first_contact(NOW, &eve), None);
        assert_eq!(group.come_back(NOW, &eve), Err(Refusal::NotInThisKind));
        assert_eq!(group.state().pair(), Pair::new(hash(&ann), hash(&bob)));
    }

    #[test]
    fn who_is_first_heard_comes_in_once_and_who_left_is_asked() {
        let (ann, bob) = (caller(1, "Ann"), caller(2, "Bob"));
        let (mut group, mut log) =
            Group::create_direct(NOW, &settings(), &[known(&ann), Party::Unheard(hash(&bob))]);
        let pair = group.state().pair();
        log.extend(group.first_contact(NOW, &bob));
        assert_eq!((group.state().roster.len(), group.first_contact(NOW, &bob)), (2, None));
        log.extend(group.decide(NOW, &bob, Action::Leave).unwrap().events);
        assert_eq!((group.state().pair(), group.state().roster.len()), (pair, 1));
        log.extend(group.ask_back(NOW, hash(&bob)));
        assert_eq!(group.ask_back(NOW, hash(&bob)), None, "once");
        assert_eq!(group.first_contact(NOW, &bob), None, "who left decides");
        log.extend(group.decide(NOW, &bob, Action::Join { nick: None, pass: Pass::None }).unwrap().events);
        log.extend(group.decide(NOW, &bob, Action::Leave).unwrap().events);
        // Without being asked, too: it is their conversation.
        log.extend(group.decide(NOW, &bob, Action::Join { nick: None, pass: Pass::None }).unwrap().events);
        let ban = Action::Ban { who: Who::Text("Bob".into()), lasts: None, reason: String::new() };
        log.extend(group.decide(NOW, &Caller::Operator, ban).unwrap().events);
        assert!(matches!(group.come_back(NOW, &bob), Err(Refusal::Banned { .. })));
        assert_eq!((group.state().pair(), group.ask_back(NOW, hash(&bob))), (pair, None));
        assert_eq!(&State::replay(&log), group.state());
    }
}
