//! A store as simple as can be: what the real one answers, in memory.

use super::*;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// By the order in which they came.
    pub(super) kept: BTreeMap<u64, Kept>,
    gone: BTreeSet<TransientId>,
    pub(super) peers: BTreeMap<DestinationHash, PeerRecord>,
    newest: u64,
}

impl Shelf {
    pub(super) fn ids(&self) -> Vec<TransientId> {
        self.kept.values().map(|kept| kept.id).collect()
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Keep(all) => all.into_iter().for_each(|kept| self.keep(kept)),
            Change::Delete { destination, ids } => {
                self.remove(|kept| kept.destination == destination && ids.contains(&kept.id));
            }
            Change::Sweep { before } => self.remove(|kept| kept.received < before),
            Change::Peer(record) => {
                self.peers.insert(record.destination, record);
            }
            Change::ForgetPeer(peer) => {
                self.peers.remove(&peer);
            }
        }
    }

    pub(super) fn answer(&self, ask: Ask) -> Answer {
        match ask {
            Ask::List { destination, count_max } => {
                let mut all: Vec<_> =
                    self.kept.values().filter(|kept| kept.destination == destination).collect();
                all.sort_by_key(|kept| kept.stamped.len());
                Answer::Ids(all.iter().map(|kept| kept.id).take(count_max).collect())
            }
            Ask::Fetch { destination, ids, bytes_max } => {
                let mine =
                    ids.iter().filter_map(|id| self.of(id)).filter(|kept| kept.destination == destination);
                Answer::Messages(fitting(mine, bytes_max).map(|kept| kept.stamped.clone()).collect())
            }
            Ask::Unknown(ids) => {
                let known = |id: &TransientId| self.of(id).is_some() || self.gone.contains(id);
                Answer::Ids(ids.into_iter().filter(|id| !known(id)).collect())
            }
            Ask::Newer { peer, after, value_min, len_max, count_max, bytes_max } => {
                let suits = |kept: &Kept| {
                    kept.from != Some(peer) && kept.value >= value_min && kept.stamped.len() as u64 <= len_max
                };
                let (mut offered, mut bytes, mut through) = (Vec::new(), 24, after);
                for (number, kept) in self.kept.range(after + 1..).filter(|(_, kept)| suits(kept)) {
                    bytes += kept.stamped.len() as u64 + 16;
                    // The first always fits, or the peer would never get past it.
                    if offered.len() >= count_max || !offered.is_empty() && bytes > bytes_max {
                        return Answer::Newer(offered, through);
                    }
                    through = *number;
                    offered.push(kept.id);
                }
                Answer::Newer(offered, self.newest.max(after))
            }
            Ask::Bodies(ids) => Answer::Messages(
                ids.iter().filter_map(|id| self.of(id)).map(|kept| kept.stamped.clone()).collect(),
            ),
            Ask::Totals { behind } => {
                let totals = Totals {
                    count: self.kept.len() as u64,
                    bytes: self.kept.values().map(|kept| kept.stamped.len() as u64).sum(),
                };
                let lacks = |(peer, through): (DestinationHash, u64)| {
                    let newer = self.kept.range(through + 1..);
                    newer.filter(|(_, kept)| kept.from != Some(peer)).count() as u64
                };
                Answer::Totals(totals, behind.into_iter().map(lacks).collect())
            }
        }
    }

    fn keep(&mut self, kept: Kept) {
        if self.of(&kept.id).is_none() && !self.gone.contains(&kept.id) {
            self.newest += 1;
            self.kept.insert(self.newest, kept);
        }
    }

    fn remove(&mut self, which: impl Fn(&Kept) -> bool) {
        let gone = self.kept.values().filter(|kept| which(kept)).map(|kept| kept.id);
        self.gone.extend(gone);
        self.kept.retain(|_, kept| !which(kept));
    }

    fn of(&self, id: &TransientId) -> Option<&Kept> {
        self.kept.values().find(|kept| kept.id == *id)
    }
}

/// Those that fit, each that does not being passed over: 24 bytes, and 16 more for each.
fn fitting<'a>(all: impl Iterator<Item = &'a Kept>, bytes_max: u64) -> impl Iterator<Item = &'a Kept> {
    let mut bytes = 24;
    all.filter(move |kept| {
        let next = bytes + kept.stamped.len() as u64 + 16;
        let fits = next <= bytes_max;
        bytes = if fits { next } else { bytes };
        fits
    })
}
