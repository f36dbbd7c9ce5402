//! The delivery of a group at a glance: what waits, and for whom longest.

use std::time::Duration;

use reticulum::time::Instant;

use super::recipient::State;
use super::{DELIVERY_PERIOD, Delivery};
use crate::group::ids::MemberId;

/// Copies without a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unproven {
    /// Posts that members lack and that are not under way.
    pub queued: usize,
    /// Messages under way; one may hold several posts.
    pub sent: usize,
    /// Messages on propagation nodes, as far as they are kept in mind.
    pub on_node: usize,
}

/// A member who lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Who.
    pub member: MemberId,
    /// How many posts.
    pub posts: usize,
    /// How long the oldest of them waits.
    pub oldest: Duration,
    /// Whether they get digests.
    pub digest: bool,
}

impl Delivery {
    /// What is not proven.
    pub fn unproven(&self) -> Unproven {
        let mut all = Unproven { queued: self.posts.lacking(), ..Unproven::default() };
        for (member, recipient) in &self.recipients {
            all.on_node += recipient.stored_len();
            if let State::InFlight(flight) = recipient.state
                && !flight.again
            {
                all.sent += 1;
                let lacked = self.posts.lacked_by(*member, recipient.served);
                all.queued -= lacked.take_while(|post| post.seq <= flight.seq).count();
            }
        }
        all
    }

    /// Those who wait longest, the first of them first.
    pub fn slowest(&self, now: Instant, count_max: usize) -> Vec<Backlog> {
        let mut waiting: Vec<_> = self
            .recipients
            .iter()
            .filter_map(|(member, recipient)| {
                let oldest = self.posts.lacked_by(*member, recipient.served).next()?;
                Some((oldest.expires, *member, recipient.served))
            })
            .collect();
        waiting.sort_unstable();
        waiting.truncate(count_max);
        let backlog = |(expires, member, served): (Instant, MemberId, _)| Backlog {
            member,
            posts: self.posts.lacked_by(member, served).count(),
            oldest: DELIVERY_PERIOD.saturating_sub(expires.since(now)),
            digest: self.gets_digests(member),
        };
        waiting.into_iter().map(backlog).collect()
    }
}
