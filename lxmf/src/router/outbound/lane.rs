//! The sends from one of ours to one peer, in order, a few of them under way.

use std::collections::VecDeque;
use std::time::Duration;

use reticulum::hash::LinkId;
use reticulum::time::Instant;

use super::SendId;

/// Most sends of one lane that are under way. On a link all of them must be proven within max(6 · rtt, 5 ms), and the
/// reference takes a millisecond for each.
const WINDOW_MAX: usize = 4;
/// The window stays small where a proof takes longer: on a radio, messages side by side only get in each other's way.
const FAST: Duration = Duration::from_secs(2);

/// Sends to one peer. The window starts at one, so that silence costs one packet, and grows with each proof.
#[derive(Debug)]
pub(super) struct Lane {
    waiting: VecDeque<SendId>,
    active: Vec<SendId>,
    window: usize,
    /// The link that was asked for and has not answered.
    pub(super) opening: Option<LinkId>,
    /// When its path was last asked for.
    pub(super) asked_at: Option<Instant>,
}

impl Default for Lane {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), active: Vec::new(), window: 1, opening: None, asked_at: None }
    }
}

impl Lane {
    pub(super) fn push(&mut self, id: SendId) {
        self.waiting.push_back(id);
    }

    /// The next send in order, if it is ready and the window has room; it is under way from now on.
    pub(super) fn start_next(&mut self, ready: impl Fn(SendId) -> bool) -> Option<SendId> {
        let id = *self.waiting.front().filter(|id| self.active.len() < self.window && ready(**id))?;
        self.waiting.pop_front();
        self.active.push(id);
        Some(id)
    }

    pub(super) fn remove(&mut self, id: SendId) {
        match self.active.iter().position(|one| *one == id) {
            Some(at) => drop(self.active.remove(at)),
            None => self.waiting.retain(|one| *one != id),
        }
    }

    pub(super) fn take_waiting(&mut self) -> VecDeque<SendId> {
        std::mem::take(&mut self.waiting)
    }

    /// A proof came, this long after the message was sent.
    pub(super) fn grow(&mut self, after: Duration) {
        self.window = if after <= FAST { WINDOW_MAX.min(self.window + 1) } else { 1 };
    }

    pub(super) fn shrink(&mut self) {
        self.window = 1;
    }

    /// The link that was asked for opened or closed. False if it was another one.
    pub(super) fn link_answered(&mut self, link: LinkId) -> bool {
        self.opening.take_if(|opening| *opening == link).is_some()
    }

    /// The sends under way, oldest first; a copy, for they may end while one looks at them.
    pub(super) fn active(&self) -> Vec<SendId> {
        self.active.clone()
    }

    /// All sends, those under way first.
    pub(super) fn all(&self) -> Vec<SendId> {
        self.active.iter().chain(&self.waiting).copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.active.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(lane: &mut Lane) -> Vec<u64> {
        std::iter::from_fn(|| lane.start_next(|_| true)).map(|id| id.0).collect()
    }

    #[test]
    fn the_window_opens_with_proofs_and_closes_with_silence() {
        let mut lane = Lane::default();
        (0..20).for_each(|id| lane.push(SendId(id)));
        assert_eq!(started(&mut lane), [0]);
        lane.remove(SendId(0));
        lane.grow(FAST);
        assert_eq!(started(&mut lane), [1, 2]);
        (0..10).for_each(|_| lane.grow(FAST));
        assert_eq!(started(&mut lane), [3, 4]);
        lane.shrink();
        (1..4).for_each(|id| lane.remove(SendId(id)));
        assert_eq!(started(&mut lane), []);
        lane.remove(SendId(4));
        assert_eq!(started(&mut lane), [5]);
        lane.grow(FAST);
        assert_eq!(started(&mut lane), [6]);
        lane.grow(2 * FAST);
        lane.remove(SendId(6));
        assert_eq!(started(&mut lane), [], "a slow proof closes it again");
    }

    #[test]
    fn order_is_kept_even_while_the_first_is_not_ready() {
        let mut lane = Lane::default();
        lane.push(SendId(1));
        lane.push(SendId(2));
        assert_eq!(lane.start_next(|id| id == SendId(2)), None);
        lane.remove(SendId(1));
        assert_eq!(lane.start_next(|id| id == SendId(2)), Some(SendId(2)));
        assert!(!lane.is_empty());
        lane.remove(SendId(2));
        assert!(lane.is_empty());
    }
}
