//! Proof of work on one core: trials, the workblock that each message needs first, and stamps of some costs. Prints one JSON
//! line. Times are those on a core, so what others do on the machine does not count.

use std::hint::black_box;

use lxmf::stamp::{Purpose, SLICE_TRIALS, Search, Searched, Workblock};

/// A cost at which nobody finds a stamp.
const ENDLESS: u8 = 254;
const SLICES: u32 = 32;
const BLOCKS: u32 = 50;
/// What the stamps are searched for that are timed whole.
const COST: u8 = 12;
const STAMPS: u32 = 50;

/// Time that this process has spent on a core, in nanoseconds.
fn on_core_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").expect("Linux tells");
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("its first field")
}

/// Seconds on a core.
fn timed(work: impl FnOnce()) -> f64 {
    let started_ns = on_core_ns();
    work();
    (on_core_ns() - started_ns) as f64 / 1e9
}

fn goes_on(searched: Searched) -> Search {
    let Searched::NotYet(search) = searched else { panic!("nobody finds that") };
    search
}

/// The material that the Python side has too: 32 bytes, the last of which is the number of the message.
fn material(number: u32) -> [u8; 32] {
    std::array::from_fn(|i| if i < 31 { i as u8 } else { number as u8 })
}

fn main() {
    // The first slice builds the workblock.
    let mut search = Some(goes_on(Search::new(Purpose::Message, material(0), ENDLESS).run()));
    let trials_s = timed(|| {
        for _ in 0..SLICES {
            search = search.take().map(|search| goes_on(search.run()));
        }
    });
    let trials_per_s = f64::from(SLICES) * SLICE_TRIALS as f64 / trials_s;
    let block_s = timed(|| {
        for number in 0..BLOCKS {
            black_box(Workblock::new(Purpose::Message, &material(number)));
        }
    });
    let stamps_s = timed(|| {
        for number in 0..STAMPS {
            let found = Search::new(Purpose::Message, material(number), COST).run();
            assert!(matches!(found, Searched::Found { .. }), "one slice is enough for {COST} bits");
        }
    });
    println!(
        "{{\"trials_per_s\":{trials_per_s:.0},\"workblock_ms\":{:.2},\"stamp_of_12_ms\":{:.2}}}",
        1e3 * block_s / f64::from(BLOCKS),
        1e3 * stamps_s / f64::from(STAMPS)
    );
}
