//! Two routers on two nodes on virtual time, connected by a wire that a test can cut, delay and read along.

mod inbound;
mod mailbox;
mod outbound;
mod propagation;
mod slow;
mod stamps;
mod wire;

use std::time::Duration;

use reticulum::node::InterfaceConfig;
use reticulum::time::Instant;

use self::wire::{Seen, Wire};
use super::*;
use crate::fields::Fields;
use crate::message::Method;

const A: usize = 0;
const B: usize = 1;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Both have announced themselves to each other.
fn acquainted() -> Wire {
    acquainted_over(|_| InterfaceConfig::default())
}

/// The same over a medium that each sees in its way.
fn acquainted_over(medium: fn(usize) -> InterfaceConfig) -> Wire {
    let mut wire = Wire::over(medium);
    wire.announce(A);
    wire.announce(B);
    wire.run_for(secs(1));
    wire.forget();
    wire
}
