//! Who may found groups on this node, and how a group begins that somebody founds.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::decide::rate_limited;
use super::{Caller, Event, EventKind, Group, JoinStamp, Limiter, Refusal, Settings};

/// Groups that one identity may found within a day, whatever became of them: each leaves something on the disk.
const FOUNDED_PER_DAY: u32 = 8;
/// Groups that all strangers together may found within a day.
const FOUNDED_PER_DAY_IN_ALL: u32 = 64;
/// Stamps of one identity that are looked at within an hour.
const STAMPS_PER_HOUR: u32 = 12;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Under this, everybody's are counted together.
const EVERYBODY: IdentityHash = IdentityHash::new([0; 16]);

/// Who may found groups by request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Founders {
    /// Nobody; the operator does.
    #[default]
    Nobody,
    /// These.
    Listed(Vec<IdentityHash>),
    /// Whoever pays for it with proof of work.
    Anyone,
}

/// The operator's rules about founding groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundingRules {
    /// Who may.
    pub founders: Founders,
    /// Groups of one founder that exist at a time.
    pub groups_per_founder_max: usize,
    /// Groups of the node, those of the operator included.
    pub groups_max: usize,
    /// Bits of proof of work that it costs where anyone may.
    pub stamp_cost: u8,
}

impl Default for FoundingRules {
    fn default() -> Self {
        Self { founders: Founders::Nobody, groups_per_founder_max: 3, groups_max: 64, stamp_cost: 18 }
    }
}

/// The rules, and who founded how much lately.
#[derive(Debug)]
pub struct Founding {
    rules: FoundingRules,
    lately: Limiter,
    lately_in_all: Limiter,
    stamp_checks: Limiter,
}

impl Founding {
    /// Applies `rules`.
    pub fn new(rules: FoundingRules) -> Self {
        let lately = Limiter::new(FOUNDED_PER_DAY, DAY);
        let lately_in_all = Limiter::new(FOUNDED_PER_DAY_IN_ALL, DAY);
        let stamp_checks = Limiter::new(STAMPS_PER_HOUR, Duration::from_secs(3_600));
        Self { rules, lately, lately_in_all, stamp_checks }
    }

    /// The rules in force.
    pub fn rules(&self) -> &FoundingRules {
        &self.rules
    }

    /// Whether `caller` may found a group on a node with `groups` of them, `theirs` of which they founded.
    pub fn check(&self, caller: &Caller, groups: usize, theirs: usize) -> Result<(), Refusal> {
        let FoundingRules { founders, groups_per_founder_max, groups_max, .. } = &self.rules;
        let may = match (caller, founders) {
            (Caller::Operator, _) => true,
            (Caller::Unidentified, _) => return Err(Refusal::NotIdentified),
            (Caller::Identity { .. }, Founders::Anyone) => true,
            (Caller::Identity { identity, .. }, Founders::Listed(list)) => list.contains(&identity.hash()),
            (Caller::Identity { .. }, Founders::Nobody) => false,
        };
        if !may {
            return Err(Refusal::NoPermission);
        }
        if groups >= *groups_max {
            return Err(Refusal::Full { max: *groups_max });
        }
        if theirs >= *groups_per_founder_max && !matches!(caller, Caller::Operator) {
            return Err(Refusal::Full { max: *groups_per_founder_max });
        }
        Ok(())
    }

    /// Bits of proof of work that a group costs this caller.
    pub fn price(&self, caller: &Caller) -> u32 {
        match (caller, &self.rules.founders) {
            (Caller::Identity { .. }, Founders::Anyone) => self.rules.stamp_cost.into(),
            _ => 0,
        }
    }

    /// Whether a stamp is to be looked at, which takes milliseconds of a thread. Counts it if so.
    pub fn admit_stamp(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        stamp: Option<&JoinStamp>,
    ) -> Result<(), Refusal> {
        let Caller::Identity { identity, .. } = caller else { return Err(Refusal::NotIdentified) };
        let stamp = stamp.ok_or_else(|| Refusal::WorkNeeded { bits: self.price(caller) })?;
        if !stamp.is_fresh(now) {
            return Err(Refusal::StampStale);
        }
        self.stamp_checks.take(identity.hash(), now).map_err(rate_limited)
    }

    /// Whether work that was found to be worth `bits` pays for a group.
    pub fn require_work(&self, caller: &Caller, bits: u32) -> Result<(), Refusal> {
        let needed = self.price(caller);
        if bits < needed { Err(Refusal::StampWeak { needed, found: bits }) } else { Ok(()) }
    }

    /// Counts that `caller` founds a group, which [`Self::check`] found that they may.
    pub fn admit(&mut self, now: UnixTime, caller: &Caller) -> Result<(), Refusal> {
        let Caller::Identity { identity, .. } = caller else { return Ok(()) };
        self.lately.take(identity.hash(), now).map_err(rate_limited)?;
        self.lately_in_all.take(EVERYBODY, now).map_err(rate_limited)
    }
}

impl Group {
    /// A new group with its founder in it, who owns it; and the events that make it so. Values of settings that
    /// are out of bounds become the default.
    pub fn found(
        now: UnixTime,
        settings: &Settings,
        founder: &Caller,
        nick: Option<String>,
    ) -> Result<(Self, Vec<Event>), Refusal> {
        let (mut group, mut events) = Self::create(now, settings, None);
        let (joined, member) = group.admit_named(now, founder, nick)?;
        let owned = group.record(now, Some(member), EventKind::OwnerClaimed { member });
        events.extend([joined, owned]);
        Ok((group, events))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reticulum::crypto::{Identity, Rng};

    use super::*;
    use crate::group::{Permission, State, Visibility, join_day};

    const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

    fn caller(seed: u8) -> Caller {
        let identity = Identity::generate(&mut Rng::from_seed([seed; 32]));
        Caller::Identity { identity: Arc::new(identity.public().clone()), announced_name: None }
    }

    fn hash(caller: &Caller) -> IdentityHash {
        let Caller::Identity { identity, .. } = caller else { panic!("somebody") };
        identity.hash()
    }

    #[test]
    fn the_operator_says_who_may_found_groups_and_how_many() {
        let (listed, other) = (caller(1), caller(2));
        let list = || Founders::Listed(vec![hash(&listed)]);
        let full = |max| Err(Refusal::Full { max });
        // who may, who asks, groups of the node, of theirs, what comes of it
        let rows = [
            (Founders::Nobody, &Caller::Operator, 0, 0, Ok(())),
            (Founders::Nobody, &Caller::Operator, 64, 0, full(64)),
            (Founders::Nobody, &listed, 0, 0, Err(Refusal::NoPermission)),
            (list(), &listed, 0, 0, Ok(())),
            (list(), &listed, 63, 2, Ok(())),
            (list(), &listed, 64, 0, full(64)),
            (list(), &listed, 3, 3, full(3)),
            (list(), &other, 0, 0, Err(Refusal::NoPermission)),
            (Founders::Anyone, &other, 0, 0, Ok(())),
            (Founders::Anyone, &Caller::Unidentified, 0, 0, Err(Refusal::NotIdentified)),
        ];
        for (founders, caller, groups, theirs, expected) in rows {
            let founding = Founding::new(FoundingRules { founders, ..FoundingRules::default() });
            let rules = founding.rules().clone();
            assert_eq!(founding.check(caller, groups, theirs), expected, "{rules:?} {groups} {theirs}");
        }
    }

    #[test]
    fn who_founds_and_deletes_over_and_over_has_to_wait() {
        let rules = FoundingRules { founders: Founders::Anyone, ..FoundingRules::default() };
        let mut founding = Founding::new(rules);
        let alice = caller(1);
        for _ in 0..FOUNDED_PER_DAY {
            assert_eq!(founding.admit(NOW, &alice), Ok(()));
        }
        assert!(matches!(founding.admit(NOW, &alice), Err(Refusal::RateLimited { .. })));
        assert_eq!(founding.admit(NOW, &caller(2)), Ok(()));
        assert_eq!(founding.admit(NOW, &Caller::Operator), Ok(()));
    }

    #[test]
    fn where_anyone_may_found_a_group_it_costs_work_of_today() {
        let rules = FoundingRules { founders: Founders::Anyone, stamp_cost: 10, ..FoundingRules::default() };
        let (mut founding, alice) = (Founding::new(rules), caller(1));
        assert_eq!((founding.price(&alice), founding.price(&Caller::Operator)), (10, 0));
        let of_day = |day| JoinStamp { day, stamp: [0; 32] };
        let today = join_day(NOW);
        assert_eq!(founding.admit_stamp(NOW, &alice, None), Err(Refusal::WorkNeeded { bits: 10 }));
        assert_eq!(founding.admit_stamp(NOW, &alice, Some(&of_day(today - 2))), Err(Refusal::StampStale));
        for _ in 0..STAMPS_PER_HOUR {
            assert_eq!(founding.admit_stamp(NOW, &alice, Some(&of_day(today))), Ok(()));
        }
        let more = founding.admit_stamp(NOW, &alice, Some(&of_day(today)));
        assert!(matches!(more, Err(Refusal::RateLimited { .. })));
        let weak = Err(Refusal::StampWeak { needed: 10, found: 9 });
        assert_eq!((founding.require_work(&alice, 10), founding.require_work(&alice, 9)), (Ok(()), weak));
    }

    #[test]
    fn a_founder_owns_the_group_and_there_is_no_code_to_claim_it() {
        let alice = caller(1);
        let settings =
            Settings { name: "Quay".into(), visibility: Visibility::Private, ..Settings::default() };
        let (group, events) = Group::found(NOW, &settings, &alice, Some("Alice".to_owned())).unwrap();
        assert_eq!((group.settings(), group.state().claim), (&settings, None));
        assert!(group.authorize(&alice, Permission::DeleteGroup).is_ok());
        assert_eq!(&State::replay(&events), group.state());
    }
}
