//! What the router costs for one message, from the node's event to its own output, with the signature in it.
//!
//! `cargo bench -p meshgroup-lxmf`; compare with `bare_verify` and `bare_sign` of the bench `message`.

use std::sync::Arc;

use divan::{Bencher, black_box};
use lxmf::app_data;
use lxmf::fields::Fields;
use lxmf::message::{Draft, Method};
use lxmf::router::{DeliveryConfig, Outgoing, Output, RESOURCE_SIZE_MAX, Router, SendId};
use reticulum::crypto::{Identity, PublicIdentity};
use reticulum::hash::{DestinationHash, NameHash, PacketHash};
use reticulum::node::{self, Event, InterfaceConfig, InterfaceId, Node, NodeConfig, PendingProof, Priority};
use reticulum::time::{Instant, UnixTime};
use reticulum::wire::{Announce, Context, Packet, random_blob};

fn main() {
    divan::main();
}

const NOW: Instant = Instant::from_micros(1);
const CONTENT: &[u8] =
    b"A message of the usual length: a sentence or two, nothing that would not fit one packet.";

struct Bench {
    node: Node,
    router: Router,
    interface: InterfaceId,
    group: DestinationHash,
}

fn identity(number: u16) -> Identity {
    Identity::from_bytes(&std::array::from_fn(|at| number.to_be_bytes()[at % 2]))
}

fn delivery(identity: &PublicIdentity) -> DestinationHash {
    DestinationHash::of_single(NameHash::of_name("lxmf.delivery"), identity.hash())
}

impl Bench {
    /// A router that has heard `members` others.
    fn new(members: u16) -> Self {
        let unix = UnixTime::from_secs(1_760_000_000);
        let mut node = Node::new(NodeConfig::new(Arc::new(identity(60_000))), [1; 32], NOW, unix);
        let interface =
            node.add_interface(NOW, InterfaceConfig { ingress_control: false, ..InterfaceConfig::default() });
        node.handle_interface_up(NOW, interface);
        let mut router = Router::new();
        let config = DeliveryConfig {
            identity: Arc::new(identity(60_001)),
            display_name: "Bench".into(),
            stamp_cost: None,
            ratchets: Vec::new(),
            resource_size_max: RESOURCE_SIZE_MAX,
        };
        let group = router.add_delivery(&mut node, config).expect("the first destination");
        let mut bench = Self { node, router, interface, group };
        (0..members).for_each(|member| bench.hear(member));
        bench.outputs();
        bench
    }

    /// A member announces itself, a hop away.
    fn hear(&mut self, member: u16) {
        let identity = identity(member);
        let (name, blob) = (NameHash::of_name("lxmf.delivery"), random_blob([0; 5], UnixTime::from_secs(1)));
        let destination = delivery(identity.public());
        let data =
            Announce::build(&identity, destination, name, blob, None, &app_data::encode("Member", None));
        let mut frame = Vec::new();
        Packet::announce(destination, Context::NONE, false, &data).emit(&mut frame);
        self.node.handle_frame(NOW, self.interface, &frame);
        self.transmit();
    }

    /// A message of a member to the group, as it is once the packet is opened.
    fn plaintext_of(&self, member: u16) -> Vec<u8> {
        let (identity, fields) = (identity(member), Fields::default());
        let (destination, source) = (self.group, delivery(identity.public()));
        let draft =
            Draft { destination, source, timestamp: 1.5, title: b"", content: CONTENT, fields: &fields };
        draft.pack(&identity).opportunistic_body().to_vec()
    }

    fn packet((destination, interface): (DestinationHash, InterfaceId), plaintext: Vec<u8>) -> Event {
        let (hash, proof) = (PacketHash::new([0; 32]), PendingProof::none());
        Event::Packet { destination, plaintext, hash, ratchet: None, interface, proof }
    }

    fn send_to(&mut self, member: &DestinationHash) -> SendId {
        let outgoing = Outgoing {
            from: self.group,
            to: *member,
            timestamp: UnixTime::from_secs(1_760_000_000),
            title: Vec::new(),
            content: CONTENT.to_vec(),
            fields: Fields::default(),
            method: Some(Method::Opportunistic),
            priority: Priority::Message,
            ticket: false,
            fallback: false,
        };
        self.router.send(NOW, &mut self.node, outgoing).expect("there is room")
    }

    /// Seals what the node was asked to send, and takes it off the queue.
    fn transmit(&mut self) -> usize {
        while let Some(output) = self.node.poll_output() {
            match output {
                node::Output::Work(work) => self.node.handle_work_done(NOW, work.run()),
                node::Output::Event(event) => drop(self.router.handle_event(NOW, &mut self.node, event)),
                node::Output::Persist(_) => {}
            }
        }
        let mut frame = Vec::with_capacity(500);
        let frames = std::iter::from_fn(|| {
            frame.clear();
            self.node.poll_transmit(NOW, self.interface, &mut frame).then_some(())
        });
        frames.count()
    }

    /// Runs the router's work; returns what is not work.
    fn outputs(&mut self) -> usize {
        let mut outputs = 0;
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Work(work) => self.router.handle_work_done(NOW, &mut self.node, work.run()),
                output => drop(black_box((outputs += 1, output))),
            }
        }
        outputs
    }
}

#[divan::bench]
fn receive_opportunistic(bencher: Bencher) {
    let mut bench = Bench::new(1_000);
    let mut plaintexts =
        (0..1_000).map(|member| bench.plaintext_of(member)).collect::<Vec<_>>().into_iter().cycle();
    let to = (bench.group, bench.interface);
    bencher
        .with_inputs(|| Bench::packet(to, plaintexts.next().expect("an endless cycle")))
        .bench_local_values(|packet| {
            assert!(bench.router.handle_event(NOW, &mut bench.node, packet).is_none());
            assert_eq!(bench.outputs(), 1);
        });
}

/// Sign, then seal: one copy of a fan-out, until its frame is on the wire.
#[divan::bench]
fn sign_and_seal_opportunistic(bencher: Bencher) {
    let mut bench = Bench::new(1_000);
    let members: Vec<DestinationHash> =
        (0..1_000).map(|member| delivery(identity(member).public())).collect();
    let mut members = members.iter().cycle();
    bencher.bench_local(|| {
        let send = bench.send_to(members.next().expect("an endless cycle"));
        bench.outputs();
        assert_eq!(bench.transmit(), 1);
        bench.router.cancel(NOW, &mut bench.node, send);
        bench.outputs();
    });
}
