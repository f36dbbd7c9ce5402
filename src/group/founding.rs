//! Who may found groups on this node, and how a group begins that somebody founds.

use std::time::Duration;

use reticulum::hash::IdentityHash;
use reticulum::time::UnixTime;

use super::decide::rate_limited;
use super::{Caller, Event, EventKind, Group, Limiter, Refusal, Settings};

/// Groups that one identity may found within a day, whatever became of them: each leaves something on the disk.
const FOUNDED_PER_DAY: u32 = 8;
/// Groups that all strangers together may found within a day.
const FOUNDED_PER_DAY_IN_ALL: u32 = 64;
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
}

impl Founding {
    /// Applies `rules`.
    pub fn new(rules: FoundingRules) -> Self {
        let lately = Limiter::new(FOUNDED_PER_DAY, DAY);
        Self { rules, lately, lately_in_all: Limiter::new(FOUNDED_PER_DAY_IN_ALL, DAY) }
    }

    /// The rules in force.
    pub fn rules(&self) -> &FoundingRules {
        &self.rules
    }

    /// Whether `caller` may found a group on a node with `groups` of them, `theirs` of which they founded. Counts it if so.
    pub fn admit(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        groups: usize,
        theirs: usize,
    ) -> Result<(), Refusal> {
        let FoundingRules { founders, groups_per_founder_max, groups_max, .. } = &self.rules;
        let founder = match (caller, founders) {
            (Caller::Operator, _) => None,
            (Caller::Unidentified, _) => return Err(Refusal::NotIdentified),
            (Caller::Identity { identity, .. }, Founders::Anyone) => Some(identity.hash()),
            (Caller::Identity { identity, .. }, Founders::Listed(list))
                if list.contains(&identity.hash()) =>
            {
                Some(identity.hash())
            }
            (Caller::Identity { .. }, _) => return Err(Refusal::NoPermission),
        };
        if groups >= *groups_max {
            return Err(Refusal::Full { max: *groups_max });
        }
        let Some(founder) = founder else { return Ok(()) };
        if theirs >= *groups_per_founder_max {
            return Err(Refusal::Full { max: *groups_per_founder_max });
        }
        self.lately.take(founder, now).map_err(rate_limited)?;
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
    use crate::group::{Permission, State, Visibility};

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
            let mut founding = Founding::new(FoundingRules { founders, ..FoundingRules::default() });
            let rules = founding.rules().clone();
            assert_eq!(founding.admit(NOW, caller, groups, theirs), expected, "{rules:?} {groups} {theirs}");
        }
    }

    #[test]
    fn who_founds_and_deletes_over_and_over_has_to_wait() {
        let rules = FoundingRules { founders: Founders::Anyone, ..FoundingRules::default() };
        let mut founding = Founding::new(rules);
        let alice = caller(1);
        for _ in 0..FOUNDED_PER_DAY {
            assert_eq!(founding.admit(NOW, &alice, 1, 0), Ok(()));
        }
        assert!(matches!(founding.admit(NOW, &alice, 1, 0), Err(Refusal::RateLimited { .. })));
        assert_eq!(founding.admit(NOW, &caller(2), 1, 0), Ok(()));
        assert_eq!(founding.admit(NOW, &Caller::Operator, 1, 0), Ok(()));
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
