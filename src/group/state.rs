//! The durable state of a group: the fold of its events, and what the store's projections give back at a start.

use std::collections::{BTreeMap, BTreeSet};

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::claim::ClaimHash;
use super::entry::{Invitation, Invitations, IssuedCode};
use super::event::{Event, EventKind};
use super::former::Former;
use super::ids::{MemberId, Seq};
use super::member::{Member, Roster};
use super::pending::{Pending, PendingQueue, Waiting};
use super::role::{Permission, Permissions, Role};
use super::roles::Roles;
use super::setting::{Kind, Settings};

/// What takes more than membership in a channel.
const WRITING: Permissions = Permissions::of(&[Permission::Post, Permission::Attach]);

/// What a group is after some event. `State::default()` is before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Name, visibility and all else that can be set.
    pub settings: Settings,
    /// The hash of the claim code, until it is used.
    pub claim: Option<ClaimHash>,
    /// The number of the newest event.
    pub head: Seq,
    /// The time of the newest event.
    pub head_time: UnixTime,
    /// Messages posted and not deleted.
    pub messages: u64,
    /// The highest member number given so far.
    pub last_member: MemberId,
    /// Who is in.
    pub roster: Roster,
    /// The roles that the group made.
    pub roles: Roles,
    /// What waits for somebody who may decide.
    pub pending: PendingQueue,
    /// Who was.
    pub former: Former,
    /// Who may come in without asking, and by which codes.
    pub invitations: Invitations,
    /// Who is barred.
    pub bans: Restrictions,
    /// The messages that are pinned.
    pub pins: BTreeSet<Seq>,
    /// Whether the group is no more, and only kept until its members know.
    pub dissolved: bool,
    /// Who may not speak. It holds for the identity, so that leaving and coming back is no way around it.
    pub mutes: Restrictions,
}

/// Who is restricted in some way, by identity.
pub type Restrictions = BTreeMap<IdentityHash, Restriction>;

/// Why, since when and for how long an identity is barred or silenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Their number, if they ever had one.
    pub member: Option<MemberId>,
    /// Their last nick, empty if none is known.
    pub nick: String,
    /// Why, possibly empty.
    pub reason: String,
    /// Who did it; `None` is the operator.
    pub by: Option<MemberId>,
    /// Since when.
    pub since: UnixTime,
    /// Until when; `None` is until it is lifted.
    pub until: Option<UnixTime>,
}

impl State {
    /// The fold of a whole log.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    /// Advances by one event, which must be the next one.
    pub fn apply(&mut self, event: &Event) {
        debug_assert_eq!(event.seq, self.head.next(), "events are applied in order");
        self.head = event.seq;
        self.head_time = event.time;
        match &event.kind {
            EventKind::Created { name, visibility, claim } => {
                self.settings.name.clone_from(name);
                self.settings.visibility = *visibility;
                self.claim = *claim;
            }
            EventKind::ClaimIssued { claim } => self.claim = Some(*claim),
            EventKind::OwnerClaimed { member } => {
                self.claim = None;
                self.roster.set_role(*member, Role::Owner);
            }
            EventKind::Joined { member, identity, nick, entry } => {
                self.former.remove(identity.hash());
                self.pending.remove_person(identity.hash());
                self.last_member = self.last_member.max(*member);
                let invited_by = self.invitations.take(identity.hash(), *entry);
                let joined = Member::new(*member, identity.clone(), nick.clone(), event.time, event.seq);
                self.roster.insert(Member { invited_by, ..joined });
            }
            EventKind::Left { member } | EventKind::Kicked { member, .. } => self.put_out(*member, event.seq),
            EventKind::Posted(_) => {
                self.messages += 1;
                self.roster.count_post(event.actor);
            }
            EventKind::Deleted { target, .. } => {
                self.messages = self.messages.saturating_sub(1);
                self.pins.remove(target);
            }
            EventKind::Edited { .. } | EventKind::Reacted { .. } | EventKind::Unreacted { .. } => {}
            EventKind::Pinned { target } => drop(self.pins.insert(*target)),
            EventKind::Unpinned { target } => drop(self.pins.remove(target)),
            EventKind::Banned { identity, member, nick, reason, until } => {
                self.pending.remove_person(*identity);
                if let Some(member) = member {
                    self.put_out(*member, event.seq);
                }
                self.bans.insert(*identity, restriction(event, *member, nick, reason, *until));
            }
            EventKind::Unbanned { identity, .. } => drop(self.bans.remove(identity)),
            EventKind::Muted { identity, member, nick, reason, until } => {
                self.mutes.insert(*identity, restriction(event, *member, nick, reason, *until));
            }
            EventKind::Unmuted { identity, .. } => drop(self.mutes.remove(identity)),
            EventKind::Renamed { member, nick } => self.roster.rename(*member, nick),
            EventKind::RoleAssigned { member, role } => self.roster.set_role(*member, *role),
            EventKind::PermissionsChanged { member, granted, revoked } => {
                self.roster.set_permissions(*member, *granted, *revoked);
            }
            EventKind::RoleDefined { number, role } => self.roles.define(*number, role.clone()),
            EventKind::RoleDeleted { number, fallback } => {
                self.roles.remove(*number);
                self.roster.replace_role(Role::Custom(*number), *fallback);
            }
            EventKind::Invited { identity } => {
                let invitation = Invitation { by: event.actor, since: event.time, told: false };
                self.invitations.people.insert(*identity, invitation);
            }
            EventKind::InvitationTold { identity } => {
                if let Some(invitation) = self.invitations.people.get_mut(identity) {
                    invitation.told = true;
                }
            }
            EventKind::Uninvited { identity } => drop(self.invitations.people.remove(identity)),
            EventKind::CodeIssued { hash, expires, uses } => {
                let code = IssuedCode { hash: *hash, by: event.actor, expires: *expires, uses_left: *uses };
                self.invitations.codes.insert(event.seq, code);
            }
            EventKind::CodeRevoked { number } => drop(self.invitations.codes.remove(number)),
            EventKind::PreferenceChanged { member, preference } => self.roster.choose(*member, *preference),
            EventKind::SettingChanged(setting) => self.settings.apply(setting),
            EventKind::Held { .. } | EventKind::JoinRequested { .. } => self.take_pending(event),
            EventKind::Dissolved => self.dissolved = true,
            EventKind::Reported { .. } | EventKind::CleanedUp { .. } => {}
            EventKind::Approved { number } | EventKind::Rejected { number, .. } => {
                self.pending.remove(*number)
            }
        }
    }

    /// What a member may do: as their role and what was granted say, and as the kind of the group does. In a channel mere
    /// members read; of two who talk directly either may end it.
    pub fn permissions_of(&self, member: &Member) -> Permissions {
        let permissions = self.roles.permissions_of(member);
        match self.settings.kind {
            Kind::Group => permissions,
            Kind::Channel if member.role != Role::Member => permissions,
            Kind::Channel => permissions.without(WRITING.without(member.granted)),
            Kind::Direct => permissions.with(Permissions::of(&[Permission::DeleteGroup])),
        }
    }

    /// Takes in what waits from the event by which it came.
    pub(crate) fn take_pending(&mut self, event: &Event) {
        let (number, what) = match (&event.kind, event.actor) {
            (EventKind::Held { number, post, why }, Some(author)) => {
                let mut post = post.clone();
                post.drop_data();
                (*number, Waiting::Post { author, post, why: *why })
            }
            (EventKind::JoinRequested { number, identity, nick }, _) => {
                (*number, Waiting::Join { identity: identity.clone(), nick: nick.clone() })
            }
            _ => return,
        };
        self.pending.insert(number, Pending { seq: event.seq, since: event.time, what });
    }

    fn put_out(&mut self, member: MemberId, seq: Seq) {
        if let Some(member) = self.roster.remove(member) {
            self.former.insert(member.identity.hash(), member.id, seq);
            self.pending.remove_member(member.id);
        }
    }
}

fn restriction(
    event: &Event,
    member: Option<MemberId>,
    nick: &str,
    reason: &str,
    until: Option<UnixTime>,
) -> Restriction {
    let (nick, reason) = (nick.to_owned(), reason.to_owned());
    Restriction { member, nick, reason, by: event.actor, since: event.time, until }
}
