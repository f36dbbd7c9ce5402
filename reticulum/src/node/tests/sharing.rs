//! The shared instance and its clients, row by row of `spec/reticulum.md` 5.11. Host 0 is the instance and does not forward
//! for the network; hosts 1 and 2 are programs, host 3 is a neighbour.

use super::net::*;
use crate::hash::{DestinationHash, IdentityHash};
use crate::node::*;
use crate::transport::path_request_destination;
use crate::wire::{Context, DestinationType, Header, Packet, PacketType};

const NEAR: usize = 1;
const OTHER: usize = 2;
const FAR: usize = 3;

struct Shared {
    net: Net,
    /// The instance's interfaces, to hosts 1, 2 and 3.
    ends: [InterfaceId; 3],
}

fn to_client() -> InterfaceConfig {
    InterfaceConfig { is_local_client: true, hw_mtu: 262_144, ingress_control: false, ..fast() }
}

fn to_instance() -> InterfaceConfig {
    InterfaceConfig { is_shared_instance: true, hw_mtu: 262_144, ingress_control: false, ..fast() }
}

impl Shared {
    fn new() -> Self {
        let mut net = Net::new(4);
        let now = net.now;
        let client = |net: &mut Net, host: usize| {
            let end = net.hosts[0].node.add_interface(now, to_client());
            let theirs = net.hosts[host].node.add_interface(now, to_instance());
            net.join((0, end), (host, theirs));
            end
        };
        let (near, other) = (client(&mut net, NEAR), client(&mut net, OTHER));
        let (far, _) = net.wire(0, FAR, fast);
        Self { net, ends: [near, other, far] }
    }

    /// What the instance has sent to `host` since it was asked last.
    fn sent(&mut self, host: usize) -> Vec<(Header, Vec<u8>)> {
        let end = self.ends[host - 1];
        let all = std::mem::take(&mut self.net.hosts[0].sent);
        let (to, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(id, _)| *id == end);
        self.net.hosts[0].sent = rest;
        to.into_iter().map(|(_, frame)| (Packet::parse(&frame).unwrap().header, frame)).collect()
    }

    fn run_ms(&mut self, time_ms: u64) {
        self.net.run(ms(time_ms));
    }

    fn clear(&mut self) {
        self.net.hosts.iter_mut().for_each(|host| host.sent.clear());
    }

    fn hops(&self, host: usize, to: &DestinationHash) -> Option<u8> {
        self.net.hosts[host].node.path(to).map(|path| path.hops)
    }

    fn instance_id(&self) -> IdentityHash {
        self.net.hosts[0].node.transport_id()
    }

    /// Sends a packet, and returns whether it was proven.
    fn is_proven(&mut self, from: usize, to: DestinationHash) -> bool {
        let now = self.net.now;
        let node = &mut self.net.hosts[from].node;
        node.send_packet(now, to, b"hello".to_vec(), Priority::Message).unwrap();
        self.run_ms(1000);
        self.net.events(from).iter().any(|event| matches!(event, Event::Delivered { .. }))
    }

    /// Opens a link; whether it opened at this end.
    fn opens(&mut self, from: usize, to: DestinationHash) -> bool {
        let now = self.net.now;
        let link = self.net.hosts[from].node.open_link(now, to).unwrap();
        self.run_ms(2000);
        let opened =
            |event: &Event| matches!(event, Event::LinkOpened { link: opened, .. } if *opened == link);
        self.net.events(from).iter().any(opened)
    }
}

fn request(wanted: DestinationHash, tag: u8) -> Vec<u8> {
    let body = [wanted.as_ref(), &[tag; 16]].concat();
    let mut frame = Vec::new();
    Packet::plain(path_request_destination(), Context::NONE, &body).emit(&mut frame);
    frame
}

#[test]
fn hops_between_programs_of_a_machine_do_not_count() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    let far = shared.net.announced(FAR, busy(2, "test.far"));
    let own = shared.net.announced(0, busy(3, "test.own"));
    shared.run_ms(2000);
    let seen = |shared: &Shared, host| [&near, &far, &own].map(|to| shared.hops(host, to));
    assert_eq!(seen(&shared, 0), [Some(0), Some(1), None]);
    assert_eq!(seen(&shared, OTHER), [Some(0), Some(1), Some(0)]);
    assert_eq!(seen(&shared, FAR), [Some(1), None, Some(1)]);
}

#[test]
fn clients_name_the_instance_towards_its_neighbours_and_all_pairs_reach_each_other() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    let other = shared.net.announced(OTHER, busy(2, "test.other"));
    let far = shared.net.announced(FAR, busy(3, "test.far"));
    let own = shared.net.announced(0, busy(4, "test.own"));
    shared.run_ms(2000);
    shared.clear();
    assert!(shared.is_proven(NEAR, far));
    let (_, frame) = shared.net.hosts[NEAR].sent[0].clone();
    let header = Packet::parse(&frame).unwrap().header;
    assert_eq!((header.transport_id, header.hops), (Some(shared.instance_id()), 0));
    let passed = shared.sent(FAR)[0].0;
    assert_eq!((passed.transport_id, passed.hops), (None, 0), "it has not travelled yet");
    for (from, to) in
        [(NEAR, other), (NEAR, own), (FAR, near), (FAR, other), (0, near), (0, far), (OTHER, far)]
    {
        assert!(shared.is_proven(from, to), "packet from {from} to {to}");
        assert!(shared.opens(from, to), "link from {from} to {to}");
    }
}

#[test]
fn a_client_takes_what_the_instance_sends_without_a_filter() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    shared.run_ms(1000);
    let client = &mut shared.net.hosts[NEAR].node;
    let interface = client.transmit_pending().next().unwrap_or(InterfaceId(0));
    let mut frame = Vec::new();
    let foreign = IdentityHash::new([9; 16]);
    Packet::single(near, Context::NONE, &[1; 100]).via(foreign).emit(&mut frame);
    let refused = client.counters().packet_not_ours;
    client.handle_frame(shared.net.now, interface, &frame);
    assert_eq!(client.counters().packet_not_ours, refused, "the instance has seen to that");
}

#[test]
fn a_client_registers_what_it_has_at_once_and_again_after_a_while_and_the_network_hears_nothing() {
    let mut net = Net::new(2);
    let near = net.hosts[1].node.add_destination(busy(1, "test.near")).unwrap();
    let now = net.now;
    let end = net.hosts[0].node.add_interface(now, to_client());
    let quiet = net.hosts[0].node.add_interface(now, fast());
    let theirs = net.hosts[1].node.add_interface(now, to_instance());
    net.join((0, end), (1, theirs));
    net.run(ms(300));
    assert_eq!(net.hosts[0].node.path(&near).map(|path| path.hops), Some(0));
    net.run(ms(20_000));
    let contexts: Vec<Context> =
        net.hosts[1].sent.iter().map(|(_, frame)| Packet::parse(frame).unwrap().header.context).collect();
    assert_eq!(contexts, [Context::PATH_RESPONSE; 2]);
    assert!(net.hosts[0].sent.iter().all(|(id, _)| *id != quiet));
}

#[test]
fn a_clients_announce_goes_out_once_at_once_with_the_instance_as_next_hop() {
    let mut shared = Shared::new();
    shared.run_ms(12_000);
    shared.clear();
    shared.net.announced(NEAR, busy(1, "test.near"));
    let told = shared.sent(FAR);
    assert_eq!(told.len(), 1, "within a tenth of a second");
    let header = told[0].0;
    assert_eq!(
        (header.transport_id, header.hops, header.context),
        (Some(shared.instance_id()), 0, Context::NONE)
    );
    shared.run_ms(30_000);
    assert!(shared.sent(FAR).is_empty(), "once");
    assert_eq!(shared.sent(OTHER).len(), 1, "and once to the other program");
}

#[test]
fn an_announce_of_the_network_goes_to_every_client_at_once() {
    let mut shared = Shared::new();
    shared.run_ms(1000);
    shared.clear();
    shared.net.announced(FAR, busy(1, "test.far"));
    let id = shared.instance_id();
    for client in [NEAR, OTHER] {
        let told = shared.sent(client);
        assert_eq!(told.len(), 1);
        let header = told[0].0;
        assert_eq!((header.transport_id, header.hops, header.context), (Some(id), 1, Context::NONE));
    }
    shared.run_ms(30_000);
    assert!(shared.sent(FAR).is_empty(), "it does not forward for the network");
}

#[test]
fn a_packet_of_the_network_for_a_client_needs_no_next_hop_named() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    shared.run_ms(2000);
    shared.clear();
    assert!(shared.is_proven(FAR, near));
    let sent = shared.net.hosts[FAR].sent[0].1.clone();
    let mut expected = sent.clone();
    expected[1] = 1;
    assert_eq!(Packet::parse(&sent).unwrap().header.transport_id, None);
    assert_eq!(shared.sent(NEAR)[0].1, expected, "all but the hops stays");
    let proof = shared.sent(FAR)[0].0;
    assert_eq!((proof.packet_type, proof.hops), (PacketType::Proof, 0));
}

#[test]
fn plain_packets_of_a_program_go_everywhere_and_those_of_the_network_to_all_programs() {
    let mut shared = Shared::new();
    shared.run_ms(1000);
    shared.clear();
    let mut frame = Vec::new();
    Packet::plain(DestinationHash::new([7; 16]), Context(0x55), &[1, 2, 3]).emit(&mut frame);
    let [near, _, far] = shared.ends;
    for (from, to) in [(near, vec![OTHER, FAR]), (far, vec![NEAR, OTHER])] {
        let now = shared.net.now;
        shared.net.hosts[0].node.handle_frame(now, from, &frame);
        shared.run_ms(10);
        for host in [NEAR, OTHER, FAR] {
            let told: Vec<Vec<u8>> = shared.sent(host).into_iter().map(|(_, frame)| frame).collect();
            let expected = if to.contains(&host) { vec![frame.clone()] } else { Vec::new() };
            assert_eq!(told, expected, "from {from:?} to {host}, unchanged");
        }
    }
}

#[test]
fn a_question_for_a_program_is_answered_from_what_was_heard_without_delay() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    let far = shared.net.announced(FAR, busy(2, "test.far"));
    shared.run_ms(2000);
    shared.clear();
    let [_, other_end, far_end] = shared.ends;
    for (asker, end, wanted, hops) in [(FAR, far_end, near, 0), (OTHER, other_end, far, 1)] {
        let now = shared.net.now;
        shared.net.hosts[0].node.handle_frame(now, end, &request(wanted, hops));
        shared.net.hosts[0].node.handle_timeout(now);
        shared.net.drain();
        let told = shared.sent(asker);
        assert_eq!(told.len(), 1, "{asker}");
        assert_eq!((told[0].0.context, told[0].0.hops), (Context::PATH_RESPONSE, hops));
        assert_eq!(told[0].0.destination_type, DestinationType::Single);
    }
    // What is known of the network is no answer to the network.
    let now = shared.net.now;
    shared.net.hosts[0].node.handle_frame(now, far_end, &request(far, 9));
    shared.run_ms(5000);
    assert!(shared.sent(FAR).is_empty());
}

#[test]
fn a_programs_answer_to_the_network_is_passed_on_once_as_an_announce() {
    let mut shared = Shared::new();
    shared.run_ms(12_000);
    // Nobody was told of it yet: only the program itself knows.
    let near = shared.net.hosts[NEAR].node.add_destination(busy(1, "test.near")).unwrap();
    shared.clear();
    let [.., far_end] = shared.ends;
    let now = shared.net.now;
    shared.net.hosts[0].node.handle_frame(now, far_end, &request(near, 1));
    shared.run_ms(60_000);
    let announces: Vec<Header> = shared.sent(FAR).into_iter().map(|(header, _)| header).collect();
    assert_eq!(announces.len(), 1, "{announces:?}");
    assert_eq!((announces[0].packet_type, announces[0].context), (PacketType::Announce, Context::NONE));
    assert_eq!(shared.hops(FAR, &near), Some(1));
}

#[test]
fn when_the_connection_ends_so_do_links_and_paths_at_both_ends() {
    let mut shared = Shared::new();
    let near = shared.net.announced(NEAR, busy(1, "test.near"));
    let far = shared.net.announced(FAR, busy(2, "test.far"));
    shared.run_ms(2000);
    assert!(shared.opens(NEAR, far));
    let (now, end) = (shared.net.now, shared.ends[0]);
    let theirs = shared.net.hosts[NEAR].node.path(&far).unwrap().interface;
    shared.net.hosts[0].node.remove_interface(now, end);
    shared.net.hosts[NEAR].node.remove_interface(now, theirs);
    shared.run_ms(10);
    let closed = |event: &Event| matches!(event, Event::LinkClosed { .. });
    assert!(shared.net.events(NEAR).iter().any(closed));
    assert_eq!((shared.hops(0, &near), shared.hops(NEAR, &far)), (None, None));

    // And do not come back with the connection, but with what is told anew.
    let now = shared.net.now;
    let end = shared.net.hosts[0].node.add_interface(now, to_client());
    let again = shared.net.hosts[NEAR].node.add_interface(now, to_instance());
    assert_eq!((shared.hops(0, &near), shared.hops(NEAR, &far)), (None, None));
    shared.net.join((0, end), (NEAR, again));
    shared.run_ms(1500);
    assert_eq!(shared.hops(0, &near), Some(0));
}
