//! Conversations of two: the one that the same two have already, a new one, and who comes in when they are first heard.

use std::sync::Arc;

use reticulum::crypto::PublicIdentity;
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::time::{Instant, UnixTime};

use super::messages::delivery_address;
use super::{After, Asking, Host};
use crate::api::{self, NewGroup};
use crate::group::{Caller, Event, Group, GroupId, Kind, Notice, Pair, Party, Refusal, Settings};

impl Host {
    /// Answers who wishes for a conversation that there is already; that costs nothing and needs no right but to be one of
    /// the two. Gives back who asks for anything else.
    pub(super) fn found_pair(&mut self, now: Instant, asking: Asking, wish: &NewGroup) -> Option<Asking> {
        let pair = match self.pair_wished(&asking.caller, wish) {
            Ok(Some(pair)) => pair,
            Ok(None) => return Some(asking),
            Err(refusal) => {
                self.refuse(now, asking.asker, api::refused(&refusal));
                return None;
            }
        };
        let Some(group) = self.groups.of_pair(pair) else { return Some(asking) };
        match self.reopen_pair(now, group, &asking.caller, pair) {
            Ok(answer) => self.answer_after_commit(now, asking.asker, answer),
            Err(refusal) => self.refuse(now, asking.asker, api::refused(&refusal)),
        }
        None
    }

    /// Whose conversation is wished for, if it is one of two.
    pub(super) fn pair_wished(&self, caller: &Caller, wish: &NewGroup) -> Result<Option<Pair>, Refusal> {
        if wish.kind != Kind::Direct {
            return Ok(None);
        }
        let mut named = wish.with.iter().map(|hash| self.person_at(*hash));
        let two = match caller {
            Caller::Identity { identity, .. } => (Some(identity.hash()), named.next()),
            Caller::Operator => (named.next(), named.next()),
            Caller::Unidentified => return Err(Refusal::NotIdentified),
        };
        let (Some(one), Some(other)) = two else { return Err(Refusal::NotFound) };
        // Nobody talks with themselves.
        Pair::new(one, other).map(Some).ok_or(Refusal::NotInThisKind)
    }

    /// Who is meant by a hash that is an identity's, or that of where somebody receives who was heard.
    fn person_at(&self, hash: [u8; 16]) -> IdentityHash {
        let heard = self.engine.peer(&DestinationHash::new(hash));
        heard.map_or(IdentityHash::new(hash), |peer| peer.identity.hash())
    }

    pub(super) fn new_pair(
        &self,
        unix: UnixTime,
        settings: &Settings,
        caller: &Caller,
        wish: &NewGroup,
        pair: Pair,
    ) -> (Group, Vec<Event>) {
        let mut two = pair.both();
        if matches!(caller, Caller::Identity { identity, .. } if identity.hash() == two[1]) {
            two.swap(0, 1);
        }
        let parties = two.map(|person| match caller {
            Caller::Identity { identity, announced_name } if identity.hash() == person => {
                let name = wish.nick.clone().or_else(|| announced_name.clone());
                Party::Known { identity: Arc::clone(identity), name }
            }
            _ => self.party(person),
        });
        Group::create_direct(unix, settings, &parties)
    }

    fn party(&self, person: IdentityHash) -> Party {
        let Some(peer) = self.engine.peer(&delivery_address(person)) else { return Party::Unheard(person) };
        match self.caller(Arc::clone(&peer.identity)) {
            Caller::Identity { identity, announced_name } => Party::Known { identity, name: announced_name },
            Caller::Operator | Caller::Unidentified => Party::Unheard(person),
        }
    }

    /// Lets the caller in again, if they left, and asks the other one back who did.
    fn reopen_pair(
        &mut self,
        now: Instant,
        group: GroupId,
        caller: &Caller,
        pair: Pair,
    ) -> Result<Vec<u8>, Refusal> {
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(group) else { return Err(Refusal::NotFound) };
        let mut events = Vec::new();
        if let Caller::Identity { .. } = caller {
            events.extend(hosted.group.come_back(unix, caller)?);
        }
        events.extend(pair.both().into_iter().filter_map(|person| hosted.group.ask_back(unix, person)));
        self.record(now, group, events, None);
        let hosted = self.groups.get(group).ok_or(Refusal::NotFound)?;
        Ok(api::group_found(&hosted.listing(), caller))
    }

    /// Tells those of the two who are in where they are.
    pub(super) fn welcome_pair(&mut self, now: Instant, group: GroupId) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Some(pair) = hosted.group.state().pair() else { return };
        let notices: Vec<_> =
            pair.both().into_iter().filter_map(|person| hosted.group.pair_welcome(person)).collect();
        notices.into_iter().for_each(|notice| self.tell_notice(now, group, notice));
    }

    /// Lets somebody in who is heard for the first time since they are one of two. Returns whether they were.
    pub(super) fn meet(&mut self, now: Instant, group: GroupId, person: &Arc<PublicIdentity>) -> bool {
        let (unix, caller) = (self.engine.unix_time(now), self.caller(Arc::clone(person)));
        let Some(hosted) = self.groups.get_mut(group).filter(|hosted| !hosted.is_closed) else {
            return false;
        };
        let Some(joined) = hosted.group.first_contact(unix, &caller) else { return false };
        let welcome = hosted.group.pair_welcome(person.hash());
        self.record(now, group, vec![joined], None);
        welcome.into_iter().for_each(|notice| self.tell_notice(now, group, notice));
        true
    }

    fn tell_notice(&mut self, now: Instant, from: GroupId, notice: Notice) {
        let to = delivery_address(notice.to.hash());
        self.after_commit(now, After::Tell { from, to, text: notice.text });
    }
}
