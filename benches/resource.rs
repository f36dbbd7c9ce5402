//! A 10 MB resource between two nodes of ours over loopback TCP. Prints one JSON line per kind of data.

#[allow(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/host.rs"]
mod host;

use std::sync::Arc;
use std::time::Instant;

use host::Host;
use interfaces::{Settings, TcpClientSettings, TcpServerSettings};
use reticulum::crypto::{Identity, Rng};
use reticulum::node::{DestinationConfig, Event, ProofPolicy, ResourceOptions, ResourcePolicy};

const SIZE: usize = 10_000_000;
const ROUNDS: usize = 5;

fn main() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let address = format!("127.0.0.1:{port}");
    let receiver = Host::start(Settings::TcpServer(TcpServerSettings::new(&address)), 1);
    let destination = receiver.with(|node, now| {
        let destination = node
            .add_destination(DestinationConfig {
                accept_links: true,
                proofs: ProofPolicy::All,
                resources: ResourcePolicy::All,
                resource_size_max: 2 * SIZE as u64,
                ..DestinationConfig::new(
                    Arc::new(Identity::generate(&mut Rng::from_seed([9; 32]))),
                    "bench.resource",
                )
            })
            .expect("a new destination");
        node.announce(now, destination, None).expect("it is ours");
        destination
    });
    let sender = Host::start(Settings::TcpClient(TcpClientSettings::new(&address)), 2);
    while sender.with(move |node, now| {
        node.request_path(now, destination);
        node.path(&destination).is_none()
    }) {
        std::thread::yield_now();
    }
    let link = sender.with(move |node, now| node.open_link(now, destination)).expect("the path is known");
    sender.wait("link", |event| matches!(event, Event::LinkOpened { .. }).then_some(()));
    for compressible in [false, true] {
        let mut data: Vec<u8> =
            b"the net is up again on the hill ".iter().copied().cycle().take(SIZE).collect();
        if !compressible {
            Rng::from_seed([5; 32]).fill(&mut data);
        }
        let mut rates: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let data = data.clone();
                let started = Instant::now();
                let options = ResourceOptions { metadata: None, compress: true };
                sender
                    .with(move |node, now| node.send_resource(now, link, data, options))
                    .expect("the link is active");
                sender.wait("proof", |event| matches!(event, Event::ResourceSent { .. }).then_some(()));
                SIZE as f64 / 1e6 / started.elapsed().as_secs_f64()
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "{{\"bench\":\"resource 10 MB\",\"compressible\":{compressible},\"MB_per_s\":{:.1},\"min\":{:.1},\"max\":{:.1}}}",
            rates[ROUNDS / 2],
            rates[0],
            rates[ROUNDS - 1]
        );
    }
}
