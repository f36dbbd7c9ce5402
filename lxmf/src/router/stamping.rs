//! Proof of work on its way to the threads: checks of stamps that came, searches for those we owe.
//!
//! Owns the queues, how many of each run at a time, and what searching may cost. A check is milliseconds that any peer
//! with an identity can cause; a search is as long as a peer's announce says. So checks run two at a time, searches
//! leave as slices, and no more of them than the budget allows.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use reticulum::time::Instant;

use super::SendId;
use super::work::Work;
use crate::message::MessageId;
use crate::stamp::{Purpose, STAMP_LEN, Search, Searched, Workblock};

/// Checks at a time. Each is one workblock, some milliseconds of one core.
const CHECKS_RUNNING_MAX: usize = 2;
/// Checks that wait, at 100 bytes. The application holds the messages, within bounds of its own.
const CHECKS_WAITING_MAX: usize = 4_096;
/// Searches at a time.
const SEARCHES_RUNNING_MAX: usize = 2;
/// What has not been spent of the budget is kept for this long.
const BUDGET_BURST: Duration = Duration::from_secs(60);
/// A search that would have to wait longer than this for the budget is refused.
const BUDGET_WAIT_MAX: Duration = Duration::from_secs(600);
/// Stamps that were found and may be needed again when a message is sent once more, at 100 bytes; the oldest goes.
const FOUND_MAX: usize = 2_048;

/// What we are willing to spend on stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampPolicy {
    /// Peers and propagation nodes that ask for more are not written to.
    pub cost_max: u8,
    /// Trials a second in the long run. A core makes about 16 million.
    pub trials_per_s: u64,
}

impl Default for StampPolicy {
    /// A million trials at most for one message, and a quarter of a core for all.
    fn default() -> Self {
        Self { cost_max: 20, trials_per_s: 4_000_000 }
    }
}

/// Why there will be no stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoStamp {
    /// It costs more than the policy allows.
    TooDear,
    /// The budget is spent for longer than a message should wait.
    Budget,
}

/// A stamp that came and is to be checked.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) message: MessageId,
    pub(super) stamp: Vec<u8>,
    pub(super) cost: u8,
}

impl Check {
    pub(super) fn run(&self) -> bool {
        Workblock::new(Purpose::Message, self.message.as_bytes()).is_valid(&self.stamp, self.cost)
    }
}

/// A search, and for which send.
#[derive(Clone, Debug)]
pub(super) struct StampSearch {
    pub(super) send: SendId,
    pub(super) search: Search,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Stamping {
    pub(super) policy: StampPolicy,
    checks: VecDeque<Check>,
    checks_running: usize,
    searches: VecDeque<StampSearch>,
    searches_running: usize,
    /// Expected trials of the searches that have not begun.
    waiting_trials: u64,
    /// What was spent so far is paid for by then.
    paid_at: Instant,
    found: HashMap<[u8; 32], [u8; STAMP_LEN]>,
    found_order: VecDeque<[u8; 32]>,
}

impl Stamping {
    /// Queues a check; false if too many wait.
    pub(super) fn check(&mut self, check: Check) -> bool {
        let room = self.checks.len() < CHECKS_WAITING_MAX;
        if room {
            self.checks.push_back(check);
        }
        room
    }

    pub(super) fn check_done(&mut self) {
        self.checks_running -= 1;
    }

    /// A stamp on `material` that is worth `cost` and was found before.
    pub(super) fn found(&self, material: &[u8; 32], cost: u8) -> Option<[u8; STAMP_LEN]> {
        self.found.get(&found_key(material, cost)).copied()
    }

    /// Queues a search, or says why there will be none.
    pub(super) fn search(
        &mut self,
        now: Instant,
        send: SendId,
        purpose: Purpose,
        material: [u8; 32],
        cost: u8,
    ) -> Result<(), NoStamp> {
        if cost > self.policy.cost_max {
            return Err(NoStamp::TooDear);
        }
        let ahead = self.paid_at.since(now).saturating_sub(BUDGET_BURST) + self.time_of(self.waiting_trials);
        if ahead > BUDGET_WAIT_MAX {
            return Err(NoStamp::Budget);
        }
        self.waiting_trials += expected(cost);
        self.searches.push_back(StampSearch { send, search: Search::new(purpose, material, cost) });
        Ok(())
    }

    /// A slice came back; the stamp if it found one, or nothing and the search goes on if `wanted` is still true.
    pub(super) fn searched(
        &mut self,
        now: Instant,
        send: SendId,
        before: u64,
        searched: Searched,
        wanted: bool,
    ) -> Option<[u8; STAMP_LEN]> {
        self.searches_running -= 1;
        let trials = match &searched {
            Searched::Found { trials, .. } => *trials,
            Searched::NotYet(search) => search.trials(),
        };
        self.paid_at = self.paid_at.max(now) + self.time_of(trials.saturating_sub(before));
        match searched {
            Searched::Found { stamp, .. } => return Some(stamp),
            // In front: it has been paid for in part.
            Searched::NotYet(search) if wanted => self.searches.push_front(StampSearch { send, search }),
            Searched::NotYet(_) => {}
        }
        None
    }

    /// Keeps a stamp for when its message is sent again.
    pub(super) fn keep(&mut self, material: &[u8; 32], cost: u8, stamp: [u8; STAMP_LEN]) {
        let key = found_key(material, cost);
        if self.found.insert(key, stamp).is_none() {
            self.found_order.push_back(key);
        }
        while self.found_order.len() > FOUND_MAX {
            if let Some(oldest) = self.found_order.pop_front() {
                self.found.remove(&oldest);
            }
        }
    }

    /// The next piece of work that may run now. `wanted` tells whether anybody still waits for a search.
    pub(super) fn poll(&mut self, now: Instant, wanted: impl Fn(SendId) -> bool) -> Option<Work> {
        if self.checks_running < CHECKS_RUNNING_MAX
            && let Some(check) = self.checks.pop_front()
        {
            self.checks_running += 1;
            return Some(Work::check(check));
        }
        while self.searches_running < SEARCHES_RUNNING_MAX && self.may_spend(now) {
            let search = self.searches.pop_front()?;
            if search.search.trials() == 0 {
                self.waiting_trials -= expected(search.search.cost());
            }
            if wanted(search.send) {
                self.searches_running += 1;
                return Some(Work::search(search));
            }
        }
        None
    }

    /// When a search may go on that waits for the budget.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waits = !self.searches.is_empty() && self.searches_running < SEARCHES_RUNNING_MAX;
        waits.then(|| self.paid_at - BUDGET_BURST)
    }

    fn may_spend(&self, now: Instant) -> bool {
        self.paid_at.since(now) <= BUDGET_BURST
    }

    fn time_of(&self, trials: u64) -> Duration {
        Duration::from_micros(trials.saturating_mul(1_000_000) / self.policy.trials_per_s.max(1))
    }
}

/// Trials that a search takes on average.
fn expected(cost: u8) -> u64 {
    1 << cost.min(40)
}

/// The same material is stamped again when its price rises.
fn found_key(material: &[u8; 32], cost: u8) -> [u8; 32] {
    let mut key = *material;
    key[0] ^= cost;
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATERIAL: [u8; 32] = [5; 32];

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(1_000 + secs)
    }

    fn slice(trials: u64) -> Searched {
        Searched::Found { stamp: [0; STAMP_LEN], trials }
    }

    fn all(_: SendId) -> bool {
        true
    }

    #[test]
    fn no_more_than_two_checks_and_two_searches_run_at_a_time() {
        let mut stamping = Stamping::default();
        for n in 0..4 {
            assert!(stamping.check(Check { message: MessageId::new([n; 32]), stamp: vec![], cost: 1 }));
            stamping.search(at(0), SendId(n.into()), Purpose::Message, MATERIAL, 1).unwrap();
        }
        let started = std::iter::from_fn(|| stamping.poll(at(0), all)).count();
        assert_eq!(started, CHECKS_RUNNING_MAX + SEARCHES_RUNNING_MAX);
        stamping.check_done();
        assert!(stamping.searched(at(0), SendId(0), 0, slice(1), true).is_some());
        assert_eq!(std::iter::from_fn(|| stamping.poll(at(0), all)).count(), 2);
    }

    #[test]
    fn a_price_above_the_policy_is_refused() {
        let mut stamping = Stamping::default();
        assert_eq!(stamping.search(at(0), SendId(1), Purpose::Message, MATERIAL, 21), Err(NoStamp::TooDear));
        assert_eq!(stamping.search(at(0), SendId(1), Purpose::Message, MATERIAL, 20), Ok(()));
    }

    #[test]
    fn searches_wait_for_the_budget_and_are_refused_when_that_would_be_long() {
        let mut stamping =
            Stamping { policy: StampPolicy { cost_max: 32, trials_per_s: 1_000 }, ..Stamping::default() };
        stamping.search(at(0), SendId(1), Purpose::Message, MATERIAL, 10).unwrap();
        assert!(stamping.poll(at(0), all).is_some());
        assert!(stamping.searched(at(0), SendId(1), 0, slice(100_000), true).is_some());
        stamping.search(at(0), SendId(2), Purpose::Message, MATERIAL, 10).unwrap();
        assert!(stamping.poll(at(0), all).is_none());
        assert_eq!(stamping.poll_timeout(), Some(at(40)));
        assert!(stamping.poll(at(40), all).is_some());
        stamping.search(at(40), SendId(3), Purpose::Message, MATERIAL, 20).unwrap();
        let refused = stamping.search(at(40), SendId(4), Purpose::Message, MATERIAL, 1);
        assert_eq!(refused, Err(NoStamp::Budget));
    }

    #[test]
    fn a_search_that_nobody_wants_any_more_ends() {
        let mut stamping = Stamping::default();
        stamping.search(at(0), SendId(1), Purpose::Message, MATERIAL, 8).unwrap();
        assert!(stamping.poll(at(0), |_| false).is_none());
        assert_eq!((stamping.waiting_trials, stamping.searches.len()), (0, 0));
    }

    #[test]
    fn a_stamp_is_found_again_for_the_same_price() {
        let mut stamping = Stamping::default();
        stamping.keep(&MATERIAL, 8, [7; 32]);
        assert_eq!(stamping.found(&MATERIAL, 8), Some([7; 32]));
        assert_eq!(stamping.found(&MATERIAL, 9), None);
        (0..FOUND_MAX).for_each(|n| stamping.keep(&material(n), 8, [8; 32]));
        assert_eq!(stamping.found(&MATERIAL, 8), None);
        assert_eq!(stamping.found.len(), FOUND_MAX);
    }

    fn material(n: usize) -> [u8; 32] {
        reticulum::hash::sha256(&n.to_be_bytes())
    }
}
