//! The search for a stamp, in slices: between two of them it can be given up, and its cost is known.
//!
//! Whoever runs it decides how long to go on; a slice never takes longer than a few tenths of a second.

use sha2::block_api::compress256;

use super::{BLOCK_LEN, Purpose, STAMP_LEN, Workblock, meets};

/// Trials of one slice: about 0.1 s of one core.
pub const SLICE_TRIALS: u64 = 1 << 20;

/// Where the counter stands within a stamp. What precedes it is zero: a stamp need not be secret, only found.
const COUNTER: std::ops::Range<usize> = STAMP_LEN - 8..STAMP_LEN;

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    purpose: Purpose,
    material: [u8; 32],
    cost: u8,
    block: Option<Workblock>,
    next: u64,
}

/// What a slice came to.
#[derive(Clone, Debug)]
pub enum Searched {
    /// There is one.
    Found {
        /// Worth the cost.
        stamp: [u8; STAMP_LEN],
        /// What the whole search took.
        trials: u64,
    },
    /// None yet; to be continued.
    NotYet(Search),
}

impl Search {
    /// Looks for a stamp on `material` that is worth `cost`.
    pub fn new(purpose: Purpose, material: [u8; 32], cost: u8) -> Self {
        Self { purpose, material, cost, block: None, next: 0 }
    }

    /// What the stamp has to be worth.
    pub fn cost(&self) -> u8 {
        self.cost
    }

    /// Trials so far.
    pub fn trials(&self) -> u64 {
        self.next
    }

    /// Goes on for [`SLICE_TRIALS`]; the first slice also builds the workblock.
    pub fn run(mut self) -> Searched {
        let block = self.block.take().unwrap_or_else(|| Workblock::new(self.purpose, &self.material));
        let end = self.next + SLICE_TRIALS;
        match block.first(self.next..end, self.cost) {
            Some((stamp, counter)) => Searched::Found { stamp, trials: counter + 1 },
            None => Searched::NotYet(Self { block: Some(block), next: end, ..self }),
        }
    }
}

impl Workblock {
    /// The first stamp, of those that are a counter in this range, that is worth `cost`.
    fn first(&self, counters: std::ops::Range<u64>, cost: u8) -> Option<([u8; STAMP_LEN], u64)> {
        let mut last: [u8; BLOCK_LEN] = self.last_block(&[0; STAMP_LEN]);
        // Almost every trial ends at its first word. The one digest that is accepted with a zero bit too few is not
        // worth looking for.
        let zeros_in_first_word = u32::from(cost).min(32);
        for counter in counters {
            last[COUNTER].copy_from_slice(&counter.to_be_bytes());
            let mut state = self.state;
            compress256(&mut state, std::slice::from_ref(&last));
            if state[0].leading_zeros() >= zeros_in_first_word {
                let stamp = *last.first_chunk().expect("a stamp is shorter than a block");
                if cost <= 32 || meets(&self.digest(&stamp), cost) {
                    return Some((stamp, counter));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_the_first_counter_of_vector_4_and_goes_on_over_slices() {
        let material: [u8; 32] = std::array::from_fn(|i| i as u8);
        for (cost, counter) in [(4_u8, 4_u64), (8, 259), (12, 3928), (16, 53470)] {
            let Searched::Found { stamp, trials } = Search::new(Purpose::Message, material, cost).run()
            else {
                panic!("not within a slice");
            };
            assert_eq!((&stamp[COUNTER], trials), (&counter.to_be_bytes()[..], counter + 1));
            assert!(Workblock::new(Purpose::Message, &material).is_valid(&stamp, cost));
        }
        let Searched::NotYet(search) = Search::new(Purpose::Peering, material, 254).run() else {
            panic!("nobody finds that");
        };
        assert_eq!(search.trials(), SLICE_TRIALS);
        let Searched::NotYet(search) = search.run() else { panic!("nobody finds that") };
        assert_eq!(search.trials(), 2 * SLICE_TRIALS);
    }
}
