//! What the host does about people coming in: stamps that are looked at off this thread, what a message costs, and
//! invitations that reach people when they are heard.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use lxmf::fields::Fields;
use lxmf::stamp::{Purpose, Workblock};
use reticulum::crypto::PublicIdentity;
use reticulum::hash::IdentityHash;
use reticulum::time::Instant;

use super::calls::BUSY_FOR_S;
use super::messages::delivery_address;
use super::values::{Asking, Sent};
use super::{Host, Job};
use crate::api::{self, NewGroup, Reply};
use crate::group::{
    Action, Caller, EventKind, GroupId, JOIN_STAMP_LEN, JoinStamp, Known, Limiter, Pass, join_material,
};

/// Stamps under way at a time; whoever shows one more is told to come back. Each takes a thread some milliseconds.
const CHECKS_MAX: usize = 32;
/// Stamps that are looked at in a minute, of all strangers together, so that no flood of them keeps a core busy.
const CHECKS_PER_MINUTE: u32 = 600;
/// Under this, everybody's are counted together.
const EVERYBODY: IdentityHash = IdentityHash::new([0; 16]);

/// A stamp to be looked at.
#[derive(Debug)]
pub struct JoinWork {
    id: u64,
    material: [u8; 32],
    stamp: [u8; JOIN_STAMP_LEN],
}

/// What a stamp is worth.
#[derive(Clone, Copy, Debug)]
pub struct JoinWorkDone {
    id: u64,
    bits: u32,
}

impl JoinWork {
    pub(super) fn run(self) -> JoinWorkDone {
        // A message's workblock of 1,000 rounds is that of a propagation node (`spec/lxmf.md` 5.2).
        let bits = Workblock::new(Purpose::Propagation, &self.material).value(&self.stamp);
        JoinWorkDone { id: self.id, bits }
    }
}

/// Calls that wait for their stamp to be looked at.
#[derive(Debug)]
pub(super) struct JoinChecks {
    waiting: HashMap<u64, Checked>,
    next: u64,
    budget: Limiter,
}

/// A call whose stamp is being looked at.
#[derive(Debug)]
struct Checked {
    asking: Asking,
    pays_for: PaysFor,
}

/// What a stamp is shown for.
#[derive(Debug)]
pub(super) enum PaysFor {
    /// Coming in.
    Joining { nick: Option<String>, reply: Reply },
    /// A group of one's own.
    Group(NewGroup),
}

impl Default for JoinChecks {
    fn default() -> Self {
        let budget = Limiter::new(CHECKS_PER_MINUTE, Duration::from_secs(60));
        Self { waiting: HashMap::new(), next: 0, budget }
    }
}

impl JoinChecks {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// Who was invited to which groups and does not know it yet. Bounded by the groups' own bounds.
pub(super) type Untold = BTreeSet<(IdentityHash, GroupId)>;

impl Host {
    /// A call to join that shows a stamp.
    pub(super) fn join_with_stamp(
        &mut self,
        now: Instant,
        asking: Asking,
        nick: Option<String>,
        stamp: JoinStamp,
        reply: Reply,
    ) {
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(asking.group) else {
            return self.refuse(now, asking.asker, api::internal());
        };
        match hosted.group.stamp_to_check(unix, &asking.caller, &stamp) {
            Err(refusal) => return self.refuse(now, asking.asker, api::refused(&refusal)),
            Ok(false) => {
                return self.decide(
                    now,
                    &asking,
                    Action::Join { nick, pass: Pass::None },
                    reply,
                    &Known::default(),
                );
            }
            Ok(true) => {}
        }
        self.check_stamp(now, asking, &stamp, PaysFor::Joining { nick, reply });
    }

    /// Finds out on another thread what a stamp is worth that somebody shows to the group that they call.
    pub(super) fn check_stamp(&mut self, now: Instant, asking: Asking, stamp: &JoinStamp, pays_for: PaysFor) {
        let unix = self.engine.unix_time(now);
        let person = match &asking.caller {
            Caller::Identity { identity, .. } => identity.hash(),
            Caller::Operator | Caller::Unidentified => EVERYBODY,
        };
        let Some(hosted) = self.groups.get(asking.group) else {
            return self.refuse(now, asking.asker, api::internal());
        };
        let checks = &mut self.join_checks;
        if checks.waiting.len() >= CHECKS_MAX || checks.budget.take(EVERYBODY, unix).is_err() {
            return self.refuse(now, asking.asker, api::busy(BUSY_FOR_S));
        }
        let id = checks.next;
        checks.next += 1;
        checks.waiting.insert(id, Checked { asking, pays_for });
        let material = join_material(hosted.addresses.api, person, stamp.day);
        self.job(Job::JoinStamp(JoinWork { id, material, stamp: stamp.stamp }));
    }

    /// A stamp was looked at.
    pub(super) fn join_stamp_checked(&mut self, now: Instant, done: JoinWorkDone) {
        let Some(Checked { asking, pays_for }) = self.join_checks.waiting.remove(&done.id) else { return };
        match pays_for {
            PaysFor::Joining { nick, reply } => {
                let pass = Pass::Work { bits: done.bits };
                self.decide(now, &asking, Action::Join { nick, pass }, reply, &Known::default());
            }
            PaysFor::Group(wish) => self.founding_paid(now, &asking, &wish, done.bits),
        }
    }

    /// What a message costs that somebody sends to a group, in bits, and whether it asks to come in: then nothing but
    /// work will do.
    pub(super) fn price(
        &mut self,
        now: Instant,
        group: GroupId,
        identity: &Arc<PublicIdentity>,
        text: &[u8],
    ) -> (u8, bool) {
        let unix = self.engine.unix_time(now);
        let caller = Caller::Identity { identity: Arc::clone(identity), announced_name: None };
        let Some(hosted) = self.groups.get_mut(group) else { return (0, false) };
        let join = hosted.group.join_price_of(unix, &caller, &String::from_utf8_lossy(text));
        let send = hosted.group.settings().send_cost;
        (u8::try_from(join.max(send)).unwrap_or(u8::MAX), join > 0)
    }

    /// Keeps in mind who is to be told of an invitation.
    pub(super) fn note_invited(&mut self, group: GroupId, event: &EventKind) {
        match event {
            EventKind::Invited { identity } => drop(self.untold.insert((*identity, group))),
            EventKind::Uninvited { identity } | EventKind::InvitationTold { identity } => {
                self.untold.remove(&(*identity, group));
            }
            EventKind::Joined { identity, .. } => drop(self.untold.remove(&(identity.hash(), group))),
            _ => {}
        }
    }

    /// Tells somebody who is heard that they are invited. What does not reach them is tried again the next time.
    pub(super) fn tell_invited(&mut self, now: Instant, person: &Arc<PublicIdentity>) {
        let all = (person.hash(), GroupId(0))..=(person.hash(), GroupId(u32::MAX));
        let groups: Vec<GroupId> = self.untold.range(all).map(|(_, group)| *group).collect();
        for group in groups {
            if self.meet(now, group, person) {
                continue;
            }
            let Some(hosted) = self.groups.get(group) else { continue };
            let Some(notice) = hosted.group.invitation_for(person) else { continue };
            let (from, to) = (hosted.addresses.lxmf, delivery_address(person.hash()));
            let text = notice.text.into_bytes();
            if let Some(send) = self.send(now, from, to, text, Fields::default(), false) {
                self.untold.remove(&(person.hash(), group));
                self.sent.insert(send, Sent::Invitation { group, person: person.hash() });
            }
        }
    }

    /// A message about an invitation came to its end.
    pub(super) fn invitation_ended(
        &mut self,
        now: Instant,
        group: GroupId,
        person: IdentityHash,
        arrived: bool,
    ) {
        let unix = self.engine.unix_time(now);
        let Some(hosted) = self.groups.get_mut(group) else { return };
        if !arrived {
            if hosted.group.state().invitations.people.get(&person).is_some_and(|one| !one.told) {
                self.untold.insert((person, group));
            }
            return;
        }
        if let Some(told) = hosted.group.note_invitation_told(unix, person) {
            self.record(now, group, vec![told], None);
        }
    }
}
