//! Who is told that somebody types: links that asked for it, over media that are fast enough. It is no event, waits for
//! nothing and is kept nowhere; what does not fit the budget is not told at all.

use std::collections::BTreeMap;
use std::time::Duration;

use reticulum::hash::LinkId;
use reticulum::node::Priority;
use reticulum::time::Instant;

use super::{Asker, Asking, Host};
use crate::api::{self, TypingCall};
use crate::group::{GroupId, MemberId};

/// What a medium has to carry at the least, in bits a second: radios do not, and one that is not known does not either.
const BITRATE_MIN_BPS: u64 = 100_000;
/// Packets that the node sends about typing in a second, in all groups together.
const PACKETS_PER_SECOND: u32 = 500;

/// The links that asked to be told. Bounded as the engine's links are.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    links: BTreeMap<LinkId, GroupId>,
    /// When the second began in which so many packets were sent.
    since: Instant,
    sent: u32,
}

impl Listeners {
    /// The link is gone, or wants no more.
    pub(super) fn remove(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    fn of(&self, group: GroupId) -> Vec<LinkId> {
        self.links.iter().filter(|(_, of)| **of == group).map(|(link, _)| *link).collect()
    }

    /// Takes room for a packet, if there is some.
    fn take(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            (self.since, self.sent) = (now, 0);
        }
        self.sent += 1;
        self.sent <= PACKETS_PER_SECOND
    }
}

impl Host {
    /// A call about typing.
    pub(super) fn typing(&mut self, now: Instant, asking: &Asking, call: TypingCall) {
        let Asking { asker, group, caller } = asking;
        if let Asker::Link { link, .. } = asker
            && self.engine.link_bitrate_bps(*link).is_none_or(|bps| bps < BITRATE_MIN_BPS)
        {
            return self.refuse(now, *asker, api::too_slow());
        }
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(*group) else {
            return self.refuse(now, *asker, api::internal());
        };
        let told = match call.stopped {
            Some(stopped) => hosted.group.note_typing(unix, caller, call.staff, stopped),
            None => Ok(None),
        };
        let told = match told {
            Ok(told) => told,
            Err(refusal) => return self.refuse(now, *asker, api::refused(&refusal)),
        };
        let answer = api::who_types(&hosted.group.who_types(unix, caller));
        if let Some(member) = told {
            let push = api::typing_push(member, call.stopped == Some(true));
            self.tell_listeners(now, *group, member, call.staff, &push);
        }
        match (asker, call.hear) {
            (Asker::Link { link, .. }, Some(true)) => {
                self.listeners.links.insert(*link, *group);
            }
            (Asker::Link { link, .. }, Some(false)) => self.listeners.remove(*link),
            _ => {}
        }
        self.answer_after_commit(now, *asker, answer);
    }

    /// Sends a packet to those who listen in a group and may, but for the one whom it is about.
    fn tell_listeners(&mut self, now: Instant, group: GroupId, about: MemberId, staff: bool, push: &[u8]) {
        for link in self.listeners.of(group) {
            let Some(hosted) = self.groups.get(group) else { return };
            let person = self.open_links.get(&link);
            let member = person.and_then(|person| hosted.group.member_by_identity(*person));
            let Some(member) = member else {
                // They are no longer in.
                self.listeners.remove(link);
                continue;
            };
            let may_know = !staff || hosted.group.viewer_of(member).staff;
            if member.id != about && may_know && self.listeners.take(now) {
                let _ = self.engine.send_on_link(now, link, push.to_vec(), Priority::History);
            }
        }
    }
}
