//! `rnstransport.probe`: the destination by which others see whether this node is there, and how far (spec 5.12).

use std::sync::Arc;
use std::time::Duration;

use reticulum::crypto::Identity;
use reticulum::hash::DestinationHash;
use reticulum::node::{DestinationConfig, Node, ProofPolicy};
use reticulum::time::Instant;

/// spec 1.3, management announce.
const FIRST_AFTER: Duration = Duration::from_secs(15);
const INTERVAL: Duration = Duration::from_secs(7200);

/// The destination, which proves each packet and takes no links, and when it is announced next.
#[derive(Debug)]
pub(super) struct Probes {
    pub(super) address: DestinationHash,
    announce_at: Instant,
}

impl Probes {
    pub(super) fn start(engine: &mut Node, now: Instant, identity: &Arc<Identity>) -> Self {
        let config = DestinationConfig {
            proofs: ProofPolicy::All,
            ..DestinationConfig::new(Arc::clone(identity), "rnstransport.probe")
        };
        let address =
            engine.add_destination(config).expect("the engine is new and nothing is announced with it");
        Self { address, announce_at: now + FIRST_AFTER }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, engine: &mut Node) {
        if now >= self.announce_at {
            self.announce_at = now + INTERVAL;
            // It is ours, so this cannot fail.
            let _ = engine.announce(now, self.address, None);
        }
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        self.announce_at
    }
}

#[cfg(test)]
mod tests {
    use reticulum::crypto::Rng;
    use reticulum::node::{InterfaceConfig, NodeConfig, Output};
    use reticulum::time::UnixTime;

    use super::*;

    #[test]
    fn it_is_announced_after_15_seconds_and_every_two_hours() {
        let identity = Arc::new(Identity::generate(&mut Rng::from_seed([1; 32])));
        let start = Instant::ZERO + INTERVAL;
        let mut node = Node::new(
            NodeConfig::new(Arc::clone(&identity)),
            [2; 32],
            start,
            UnixTime::from_secs(1_700_000_000),
        );
        let interface = node.add_interface(start, InterfaceConfig::default());
        let mut probes = Probes::start(&mut node, start, &identity);
        let mut announced = Vec::new();
        for _ in 0..3 {
            let now = probes.poll_timeout();
            probes.handle_timeout(now - Duration::from_micros(1), &mut node);
            assert!(node.poll_output().is_none(), "not before its time");
            probes.handle_timeout(now, &mut node);
            while let Some(output) = node.poll_output() {
                if let Output::Work(work) = output {
                    node.handle_work_done(now, work.run());
                }
            }
            if node.poll_transmit(now, interface, &mut Vec::new()) {
                announced.push(now.since(start).as_secs());
            }
        }
        assert_eq!(announced, [15, 7215, 14415]);
    }
}
