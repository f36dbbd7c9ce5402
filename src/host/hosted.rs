//! The groups of this node: what each of them owns, how one is found, and whose turn it is to send copies of posts.
//!
//! Most groups are idle most of the time, so nothing here goes through all of them for each frame: a group whose
//! delivery was touched is *stirred*, and only those are asked for copies and deadlines.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::time::{Instant, TimerQueue, UnixTime};

use super::tail::Tail;
use super::values::Addresses;
use crate::api::{Listing, goes_by};
use crate::group::delivery::{DeliveryCounters, Dispatch, Reach};
use crate::group::{Delivery, Group, GroupId, MemberId, Pair};

/// Copies being made at a time, of all groups together; the groups take turns.
const PREPARING_MAX: usize = 1_024;
/// Copies that wait to be proven, of all groups together: less than the router and the engine keep of.
const AWAITING_MAX: usize = 14_336;

/// Why a name is no group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedError {
    Unknown,
    Ambiguous,
}

/// A group with all that is its own.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) id: GroupId,
    pub(super) group: Group,
    pub(super) addresses: Addresses,
    pub(super) identity: Arc<Identity>,
    pub(super) delivery: Delivery,
    pub(super) tail: Tail,
    /// Copies that wait until the store has given their text.
    pub(super) waiting_copies: VecDeque<Dispatch>,
    /// It is being deleted: nothing may happen in it.
    pub(super) is_closed: bool,
    /// Once it is no more: it is not erased before this.
    pub(super) farewell_until: Instant,
    /// Members whose clients know replies and reactions.
    pub(super) understanding: BTreeSet<MemberId>,
    /// Members who came in and were told nothing yet: the first message shows them the group's icon.
    pub(super) newcomers: BTreeSet<MemberId>,
    /// Who founded it by request.
    pub(super) founder: Option<IdentityHash>,
    /// Who the present members are: those who have just left are no longer in the group's own roster.
    pub(super) present: HashMap<MemberId, IdentityHash>,
}

impl Hosted {
    /// Whether it is there for people, and not only until its members know that it is no more.
    pub(super) fn is_open(&self) -> bool {
        !self.group.state().dissolved
    }

    /// As it is told to callers.
    pub(super) fn listing(&self) -> Listing<'_> {
        let Addresses { lxmf, api } = self.addresses;
        Listing { id: self.id, group: &self.group, lxmf, api }
    }
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    hosted: BTreeMap<GroupId, Hosted>,
    /// The highest number that a group has had.
    last_id: u32,
    by_destination: HashMap<DestinationHash, GroupId>,
    /// Groups whose delivery was touched since it was last asked for copies, in the order of their turns.
    stirred: VecDeque<GroupId>,
    /// Those in which members only wait for a slow medium to be less busy.
    blocked: Vec<GroupId>,
    /// When the delivery of the others needs to be called.
    timers: TimerQueue<GroupId>,
    /// When something ends by itself in a group: a ban, a mute.
    ends: TimerQueue<GroupId>,
}

impl Groups {
    /// Takes a group in.
    pub(super) fn insert(&mut self, hosted: Hosted) {
        let Addresses { lxmf, api } = hosted.addresses;
        self.by_destination.extend([(lxmf, hosted.id), (api, hosted.id)]);
        self.stirred.push_back(hosted.id);
        self.take_id(hosted.id);
        self.hosted.insert(hosted.id, hosted);
    }

    /// Lets a group go.
    pub(super) fn remove(&mut self, id: GroupId) -> Option<Hosted> {
        let hosted = self.hosted.remove(&id)?;
        self.by_destination.retain(|_, of| *of != id);
        self.stirred.retain(|stirred| *stirred != id);
        self.timers.cancel(&id);
        Some(hosted)
    }

    /// This number was a group's.
    pub(super) fn take_id(&mut self, id: GroupId) {
        self.last_id = self.last_id.max(id.0);
    }

    /// The number for a new group.
    pub(super) fn next_id(&self) -> GroupId {
        GroupId(self.last_id + 1)
    }

    /// How many there are for people.
    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }

    /// The group that goes by `name`: see [`goes_by`].
    pub(super) fn named(&self, name: &str) -> Result<GroupId, NamedError> {
        let fits = |hosted: &&Hosted| {
            let Addresses { lxmf, api } = hosted.addresses;
            goes_by(name, &hosted.group.settings().name, [lxmf, api], hosted.identity.hash())
        };
        let mut fitting = self.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(hosted), None) => Ok(hosted.id),
            (None, _) => Err(NamedError::Unknown),
            (Some(_), Some(_)) => Err(NamedError::Ambiguous),
        }
    }

    /// The conversation that these two have.
    pub(super) fn of_pair(&self, pair: Pair) -> Option<GroupId> {
        self.iter().find(|hosted| hosted.group.state().pair() == Some(pair)).map(|hosted| hosted.id)
    }

    pub(super) fn get(&self, id: GroupId) -> Option<&Hosted> {
        self.hosted.get(&id)
    }

    /// For a change that does not concern the delivery of posts.
    pub(super) fn get_mut(&mut self, id: GroupId) -> Option<&mut Hosted> {
        self.hosted.get_mut(&id)
    }

    /// For a change after which there may be copies to send, or another deadline.
    pub(super) fn stir(&mut self, id: GroupId) -> Option<&mut Hosted> {
        let hosted = self.hosted.get_mut(&id)?;
        if !self.stirred.contains(&id) {
            self.stirred.push_back(id);
        }
        Some(hosted)
    }

    /// Something was sent, so that a medium may be less busy.
    pub(super) fn stir_blocked(&mut self) {
        while let Some(id) = self.blocked.pop() {
            self.stir(id);
        }
    }

    /// Whose destination this is.
    pub(super) fn at(&self, destination: &DestinationHash) -> Option<GroupId> {
        self.by_destination.get(destination).copied()
    }

    /// Whose `meshchat.group` destination this is.
    pub(super) fn of_api(&self, destination: &DestinationHash) -> Option<GroupId> {
        let hosted = self.get(self.at(destination)?)?;
        (hosted.addresses.api == *destination).then_some(hosted.id)
    }

    /// The oldest group.
    pub(super) fn first(&self) -> &Hosted {
        self.iter().next().expect("a node hosts at least one group")
    }

    /// All of them that are there for people, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Hosted> {
        self.all().filter(|hosted| hosted.is_open())
    }

    /// Those that were deleted and are still to tell their members so among them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Hosted> {
        self.hosted.values()
    }

    /// The next copy to send.
    pub(super) fn poll_copy(&mut self, reach: impl Fn(IdentityHash) -> Reach) -> Option<(GroupId, Dispatch)> {
        while !self.stirred.is_empty() && self.has_room() {
            let id = self.stirred.pop_front()?;
            let Some(Hosted { delivery, present, .. }) = self.hosted.get_mut(&id) else { continue };
            let reach = |member: MemberId| present.get(&member).map_or(Reach::Fast, |person| reach(*person));
            if let Some(dispatch) = delivery.poll(reach) {
                self.stirred.push_back(id);
                return Some((id, dispatch));
            }
            if delivery.waits_for_medium() && !self.blocked.contains(&id) {
                self.blocked.push(id);
            }
            match delivery.poll_timeout() {
                Some(deadline) if self.timers.deadline(&id) == Some(deadline) => {}
                Some(deadline) => self.timers.set(id, deadline),
                None => self.timers.cancel(&id),
            }
        }
        None
    }

    /// Lets posts expire and brings members back whose wait is over.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.timers.pop_due(now) {
            if let Some(hosted) = self.stir(id) {
                hosted.delivery.handle_timeout(now);
            }
        }
    }

    /// Looks when something next ends by itself in a group. To be called at the start, after a change of what ends, and
    /// when the wall clock was set.
    pub(super) fn arm(&mut self, id: GroupId, now: Instant, unix: UnixTime) {
        match self.hosted.get(&id).and_then(|hosted| hosted.group.poll_timeout()) {
            Some(end) => self.ends.set(id, now + end.since(unix)),
            None => self.ends.cancel(&id),
        }
    }

    /// A group in which something ends now.
    pub(super) fn pop_end(&mut self, now: Instant) -> Option<GroupId> {
        self.ends.pop_due(now)
    }

    /// When [`Self::handle_timeout`] is to be called next. Valid once [`Self::poll_copy`] has no more.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline().into_iter().chain(self.ends.next_deadline()).min()
    }

    /// What became of copies since the start, of all groups together.
    pub(super) fn delivery_counters(&self) -> DeliveryCounters {
        let mut total = DeliveryCounters::default();
        for DeliveryCounters { delivered, stored, refused, expired } in
            self.all().map(|one| one.delivery.counters())
        {
            total.delivered += delivered;
            total.stored += stored;
            total.refused += refused;
            total.expired += expired;
        }
        total
    }

    /// Copies that members still lack.
    pub(super) fn copies_pending(&self) -> usize {
        self.all().map(|hosted| hosted.delivery.pending()).sum()
    }

    fn has_room(&self) -> bool {
        let of_all = |count: fn(&Delivery) -> usize| -> usize {
            self.hosted.values().map(|hosted| count(&hosted.delivery)).sum()
        };
        of_all(Delivery::preparing) < PREPARING_MAX && of_all(Delivery::awaiting) < AWAITING_MAX
    }
}
