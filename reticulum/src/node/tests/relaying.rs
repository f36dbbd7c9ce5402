//! Links of others through a transport node (`spec/reticulum.md` 5.4, 5.5, 5.8, 5.9, 6.6), row by row.

use std::time::Duration;

use super::forwarding::teach;
use super::net::*;
use super::transit::{Transit, frame};
use crate::crypto::Rng;
use crate::hash::{DestinationHash, LinkId};
use crate::node::*;
use crate::wire::link::{LinkProof, Signalling};
use crate::wire::{Context, Packet, PacketType};

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A link through the transport node, to destination 1 which is `REM` hops away; the initiator is `TK` hops away.
struct Relayed {
    transit: Transit,
    destination: DestinationHash,
    link: LinkId,
}

const REM: u8 = 2;
const TK: u8 = 3;

impl Relayed {
    /// The request was forwarded.
    fn requested() -> Self {
        Self::through(Transit::new(), REM, TK)
    }

    fn through(mut transit: Transit, rem: u8, tk: u8) -> Self {
        let destination = transit.destination(1, rem);
        let (request, link) = request(&transit, destination, 7);
        let mut request = request;
        request[1] = tk - 1;
        assert_eq!(transit.feed(transit.near, &request).len(), 1);
        Self { transit, destination, link }
    }

    /// The proof came back, too.
    fn established() -> Self {
        let mut relayed = Self::requested();
        let proof = relayed.proof(REM);
        assert_eq!(relayed.transit.feed(relayed.transit.far, &proof).len(), 1);
        relayed
    }

    /// The responder's proof, as it arrives from `hops` away.
    fn proof(&self, hops: u8) -> Vec<u8> {
        self.proof_of(1, hops)
    }

    /// A proof by the identity of destination `n`.
    fn proof_of(&self, n: u8, hops: u8) -> Vec<u8> {
        let signalling = Some(Signalling { mode: 1, mtu: 500 });
        let mut data = Vec::new();
        LinkProof::build(&identity(n), self.link, [3; 32], signalling).emit(&mut data);
        frame(Packet::link_proof(self.link, Context::LINK_REQUEST_PROOF, &data).with_hops(hops - 1))
    }

    /// A packet on the link, as it arrives from `hops` away.
    fn packet(&self, context: Context, body: u8, hops: u8) -> Vec<u8> {
        frame(Packet::link(self.link, context, &[body; 40]).with_hops(hops - 1))
    }

    fn near(&mut self, frame: &[u8]) -> Vec<(InterfaceId, Vec<u8>)> {
        self.transit.feed(self.transit.near, frame)
    }

    fn far(&mut self, frame: &[u8]) -> Vec<(InterfaceId, Vec<u8>)> {
        self.transit.feed(self.transit.far, frame)
    }
}

/// A link request that asks for 16384 bytes, and the id of its link.
fn request(transit: &Transit, destination: DestinationHash, key: u8) -> (Vec<u8>, LinkId) {
    let data = [&[key; 64][..], &Signalling { mode: 1, mtu: 16384 }.to_bytes()].concat();
    let packet = transit.addressed(Packet::link_request(destination, &data));
    (frame(packet), packet.link_id_of_request().unwrap())
}

/// A frame as it goes on.
fn one_farther(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[1] += 1;
    frame
}

#[test]
fn a_link_request_passes_once_whatever_its_signalling_says() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let (sent, _) = request(&transit, destination, 7);
    let passed = transit.feed(transit.near, &sent);
    let expected = [&[0x02, 1][..], &sent[18..]].concat();
    assert_eq!(passed, [(transit.far, expected)]);
    let mut other = sent.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(transit.feed(transit.near, &sent).is_empty());
    assert!(transit.feed(transit.aside, &other).is_empty(), "it must not turn the link elsewhere");
    assert_eq!(transit.counters().packet_duplicate, 2);
    assert!(transit.feed(transit.near, &sent[..sent.len() - 4]).is_empty(), "no room for two keys");
    assert_eq!(transit.counters().link_request_refused, 1);
}

#[test]
fn nothing_passes_on_a_link_before_its_proof() {
    let mut relayed = Relayed::requested();
    let early = relayed.packet(Context::NONE, 1, TK);
    assert!(relayed.near(&early).is_empty());
    assert_eq!(relayed.transit.counters().relay_not_established, 1);
    let proof = relayed.proof(REM);
    assert_eq!(relayed.far(&proof).len(), 1);
    assert_eq!(relayed.near(&early).len(), 1, "what was not relayed is not remembered");
}

#[test]
fn from_either_side_packets_go_to_the_other_with_the_right_hops() {
    let mut relayed = Relayed::established();
    let outward = relayed.packet(Context::NONE, 1, TK);
    assert_eq!(relayed.near(&outward), [(relayed.transit.far, one_farther(&outward))]);
    let inward = relayed.packet(Context::NONE, 2, REM);
    assert_eq!(relayed.far(&inward), [(relayed.transit.near, one_farther(&inward))]);
    for (interface, hops) in [
        (relayed.transit.near, REM),
        (relayed.transit.near, TK + 1),
        (relayed.transit.far, TK),
        (relayed.transit.far, REM - 1),
        (relayed.transit.aside, TK),
        (relayed.transit.aside, REM),
    ] {
        let wrong = relayed.packet(Context::NONE, 3, hops);
        assert!(relayed.transit.feed(interface, &wrong).is_empty(), "{interface} {hops}");
    }
    assert_eq!(relayed.transit.counters().relay_wrong_way, 6);
    let right = relayed.packet(Context::NONE, 3, TK);
    assert_eq!(relayed.near(&right).len(), 1, "the wrong ones are not remembered");
}

#[test]
fn on_one_interface_packets_of_either_distance_go_back_over_it() {
    let mut transit = Transit::new();
    transit.near = transit.far;
    let mut relayed = Relayed::through(transit, REM, TK);
    let proof = relayed.proof(REM);
    assert_eq!(relayed.far(&proof).len(), 1);
    for (n, hops, expected) in [(1, REM, 1), (2, TK, 1), (3, TK + 1, 0), (4, REM - 1, 0)] {
        let packet = relayed.packet(Context::NONE, n, hops);
        assert_eq!(relayed.far(&packet).len(), expected, "{hops}");
    }
}

#[test]
fn a_packet_is_relayed_once_and_those_that_repeat_each_time() {
    let mut relayed = Relayed::established();
    for context in 0..=255 {
        let context = Context(context);
        let packet = relayed.packet(context, 1, TK);
        let passed = [relayed.near(&packet), relayed.near(&packet)].concat();
        let times = if context.skips_duplicate_filter() { 2 } else { 1 };
        assert_eq!(passed, vec![(relayed.transit.far, one_farther(&packet)); times], "{context:?}");
    }
}

#[test]
fn proofs_on_a_link_are_relayed_unread() {
    let mut relayed = Relayed::established();
    let sent = frame(Packet::link_proof(relayed.link, Context::NONE, &[9; 96]).with_hops(REM - 1));
    assert_eq!(relayed.far(&sent), [(relayed.transit.near, one_farther(&sent))]);
}

#[test]
fn the_proof_of_the_request_goes_back_once_its_signature_holds() {
    let mut relayed = Relayed::requested();
    let proof = relayed.proof(REM);
    assert_eq!(relayed.far(&proof), [(relayed.transit.near, one_farther(&proof))]);
    assert!(relayed.far(&proof).is_empty());
    assert_eq!(relayed.transit.counters().packet_duplicate, 1);
}

#[test]
fn forged_proofs_are_dropped_and_the_true_one_still_passes() {
    let mut relayed = Relayed::requested();
    let forged = relayed.proof_of(2, REM);
    assert!(relayed.far(&forged).is_empty());
    assert_eq!(relayed.transit.counters().relay_proof_forged, 1);
    let proof = relayed.proof(REM);
    for len in [95, 97, 98, 100] {
        let mut wrong = proof.clone();
        wrong.resize(19 + len, 0);
        assert!(relayed.far(&wrong).is_empty());
    }
    assert_eq!(relayed.transit.counters().relay_proof_malformed, 4);
    assert!(relayed.near(&proof).is_empty(), "from the initiator's side");
    assert_eq!(relayed.transit.counters().relay_wrong_way, 1);
    assert_eq!(relayed.far(&proof).len(), 1);
}

#[test]
fn a_proof_without_signalling_passes_too() {
    let mut relayed = Relayed::requested();
    let mut data = Vec::new();
    LinkProof::build(&identity(1), relayed.link, [3; 32], None).emit(&mut data);
    let proof = Packet::link_proof(relayed.link, Context::LINK_REQUEST_PROOF, &data).with_hops(REM - 1);
    assert_eq!(relayed.far(&frame(proof)).len(), 1);
}

#[test]
fn a_proof_whose_signer_is_not_known_is_dropped() {
    let mut relayed = Relayed::requested();
    let destination = relayed.destination;
    relayed.transit.node().transport.peers.forget(&destination);
    let proof = relayed.proof(REM);
    assert!(relayed.far(&proof).is_empty());
    assert_eq!(relayed.transit.counters().relay_proof_unknown_key, 1);
}

#[test]
fn a_proof_from_another_distance_corrects_link_and_path() {
    let mut relayed = Relayed::requested();
    let forged = relayed.proof_of(2, REM + 2);
    assert!(relayed.far(&forged).is_empty());
    let destination = relayed.destination;
    assert_eq!(relayed.transit.node().path(&destination).unwrap().hops, REM, "not on a stranger's word");
    let proof = relayed.proof(REM + 2);
    assert_eq!(relayed.far(&proof), [(relayed.transit.near, one_farther(&proof))]);
    assert_eq!(relayed.transit.node().path(&destination).unwrap().hops, REM + 2);
    let packet = relayed.packet(Context::NONE, 1, REM + 2);
    assert_eq!(relayed.far(&packet).len(), 1);
    let old = relayed.packet(Context::NONE, 2, REM);
    assert!(relayed.far(&old).is_empty());
    let late = relayed.proof(REM);
    assert!(relayed.far(&late).is_empty(), "by now that is settled");
}

#[test]
fn while_proofs_are_verified_nobody_is_locked_out_and_one_frame_is_one_verification() {
    let mut relayed = Relayed::requested();
    relayed.transit.net.hosts[0].works_at_once = false;
    for n in 2..9 {
        let forged = relayed.proof_of(n, REM);
        assert!(relayed.far(&forged).is_empty());
    }
    assert_eq!(relayed.transit.net.hosts[0].work.len(), 4);
    assert_eq!(relayed.transit.counters().relay_proof_busy, 3);
    let now = relayed.transit.now();
    relayed.transit.net.hosts[0].work(now);
    relayed.transit.net.hosts[0].works_at_once = true;
    let proof = relayed.proof(REM);
    assert_eq!(relayed.far(&proof).len(), 1);
}

#[test]
fn an_established_link_ends_after_900_silent_seconds() {
    let mut relayed = Relayed::established();
    relayed.transit.net.run(secs(890));
    let packet = relayed.packet(Context::KEEPALIVE, 1, TK);
    assert_eq!(relayed.near(&packet).len(), 1);
    relayed.transit.net.run(secs(890));
    assert_eq!(relayed.near(&packet).len(), 1, "it was in use");
    relayed.transit.net.run(secs(901));
    assert!(relayed.near(&packet).is_empty());
    assert_eq!(relayed.transit.counters().packet_unknown_destination, 1);
    assert_eq!(relayed.transit.node().transport.relays.len(), 0);
}

#[test]
fn a_link_ends_with_either_interface() {
    for end in [|transit: &Transit| transit.near, |transit: &Transit| transit.far] {
        let mut relayed = Relayed::established();
        let (gone, now) = (end(&relayed.transit), relayed.transit.now());
        relayed.transit.node().remove_interface(now, gone);
        assert_eq!(relayed.transit.node().transport.relays.len(), 0);
    }
}

#[test]
fn an_unanswered_request_ends_at_its_deadline() {
    let mut relayed = Relayed::requested();
    // 6 s for each hop, and 0.4 ms for 500 bytes at 10 Mbit/s.
    relayed.transit.net.run(secs(12));
    assert_eq!(relayed.transit.node().transport.relays.len(), 1);
    relayed.transit.net.run(ms(1));
    assert_eq!(relayed.transit.node().transport.relays.len(), 0);
    let proof = relayed.proof(REM);
    assert!(relayed.far(&proof).is_empty());
}

/// Lets a request that nobody answers run out; which path requests follow.
fn unanswered(
    rem: u8,
    tk: u8,
    near_mode: Mode,
) -> (Transit, DestinationHash, Vec<(InterfaceId, DestinationHash)>) {
    let near = InterfaceConfig { mode: near_mode, ..fast() };
    let transit = Transit::with(|_, config| NodeConfig { transport: true, ..config }, [near, fast(), fast()]);
    let Relayed { mut transit, destination, .. } = Relayed::through(transit, rem, tk);
    transit.sent();
    let requests = transit.requests(secs(6 * u64::from(rem) + 1));
    (transit, destination, requests)
}

/// Whether a longer path of the same age would be taken, which is what unresponsive means.
fn is_unresponsive(transit: &mut Transit, destination: &DestinationHash) -> bool {
    let path = transit.node().transport.paths.path(destination).unwrap();
    path.is_unresponsive()
}

#[test]
fn an_unanswered_request_to_a_neighbour_is_followed_by_a_search_elsewhere() {
    let (mut transit, destination, requests) = unanswered(1, 3, Mode::Full);
    assert_eq!(requests, [(transit.far, destination), (transit.aside, destination)]);
    assert!(is_unresponsive(&mut transit, &destination));
}

#[test]
fn so_is_one_from_a_neighbour() {
    let (mut transit, destination, requests) = unanswered(3, 1, Mode::Full);
    assert_eq!(requests, [(transit.far, destination), (transit.aside, destination)]);
    assert!(is_unresponsive(&mut transit, &destination));
}

#[test]
fn where_it_came_from_a_boundary_the_path_keeps_its_word() {
    let (mut transit, destination, requests) = unanswered(1, 3, Mode::Boundary);
    assert_eq!(requests.len(), 2);
    assert!(!is_unresponsive(&mut transit, &destination));
}

#[test]
fn between_two_distant_ends_others_search() {
    let (mut transit, destination, requests) = unanswered(3, 3, Mode::Full);
    assert!(requests.is_empty());
    assert!(!is_unresponsive(&mut transit, &destination));
}

#[test]
fn where_the_path_is_gone_by_then_it_is_searched_everywhere() {
    let Relayed { mut transit, destination, .. } = Relayed::through(Transit::new(), 3, 3);
    transit.node().drop_path(&destination);
    transit.sent();
    let requests = transit.requests(secs(19));
    assert_eq!(
        requests.iter().map(|(on, _)| *on).collect::<Vec<_>>(),
        [transit.near, transit.far, transit.aside]
    );
}

#[test]
fn a_flood_of_requests_displaces_only_itself() {
    let limits = Limits { half_open_relays_per_interface: 20, half_open_relays: 30, ..Limits::default() };
    let config = |_, config| NodeConfig { transport: true, limits, ..config };
    let mut relayed = Relayed::through(Transit::with(config, [fast(), fast(), fast()]), REM, TK);
    let proof = relayed.proof(REM);
    relayed.far(&proof);
    for key in 8..108 {
        let (request, _) = request(&relayed.transit, relayed.destination, key);
        relayed.transit.feed(relayed.transit.aside, &request);
    }
    assert_eq!(relayed.transit.counters().relay_evicted, 80);
    assert_eq!(relayed.transit.node().transport.relays.len(), 21);
    let packet = relayed.packet(Context::NONE, 1, TK);
    assert_eq!(relayed.near(&packet).len(), 1);
}

/// What the destination gets of a request that asks for 16384 bytes, by media on either side.
fn clamped(near: InterfaceConfig, far: InterfaceConfig) -> Vec<u8> {
    let config = |_, config| NodeConfig { transport: true, ..config };
    let mut transit = Transit::with(config, [near, far, fast()]);
    let destination = transit.destination(1, 1);
    let (request, link) = request(&transit, destination, 7);
    let passed = transit.feed(transit.near, &request);
    let passed = Packet::parse(&passed[0].1).unwrap();
    assert_eq!(passed.link_id_of_request(), Some(link));
    passed.data[64..].to_vec()
}

#[test]
fn signalling_is_clamped_to_the_lesser_medium_or_stripped() {
    let of = |hw_mtu, mtu_capable| InterfaceConfig { hw_mtu, mtu_capable, ..InterfaceConfig::default() };
    assert_eq!(clamped(of(16384, true), of(16384, true)), [0x20, 0x40, 0x00], "as it came");
    assert_eq!(clamped(of(16384, true), of(1196, true)), [0x20, 0x04, 0xac]);
    assert_eq!(clamped(of(1196, true), of(16384, true)), [0x20, 0x04, 0xac]);
    assert_eq!(clamped(of(1064, false), of(16384, true)), [0x20, 0x04, 0x28]);
    assert_eq!(clamped(of(16384, true), of(1064, false)), [], "links do not negotiate there");
}

#[test]
fn a_request_without_signalling_passes_as_it_came() {
    let mut transit = Transit::new();
    let destination = transit.destination(1, 1);
    let packet = Packet::link_request(destination, &[7; 64]);
    let passed = transit.feed(transit.near, &frame(transit.addressed(packet)));
    assert_eq!(passed, [(transit.far, frame(packet.with_hops(1)))]);
}

#[test]
fn a_mode_that_we_do_not_know_passes_unless_it_would_have_to_be_rewritten() {
    let radio = InterfaceConfig { hw_mtu: 1196, mtu_capable: true, ..InterfaceConfig::default() };
    let mut transit =
        Transit::with(|_, config| NodeConfig { transport: true, ..config }, [fast(), radio, fast()]);
    let destination = transit.destination(1, 1);
    let mut ask = |key, mtu| {
        let data = [&[key; 64][..], &Signalling { mode: 2, mtu }.to_bytes()].concat();
        let request = frame(transit.addressed(Packet::link_request(destination, &data)));
        transit.feed(transit.near, &request).len()
    };
    assert_eq!((ask(1, 1196), ask(2, 1197)), (1, 0));
    assert_eq!(transit.counters().link_request_refused, 1);
}

/// Opens a link from the first host of a row to a destination of the last.
fn linked(net: &mut Net) -> (DestinationHash, LinkId) {
    let last = net.hosts.len() - 1;
    let destination = teach(net, last, busy(1, "test.link"));
    let link = net.hosts[0].node.open_link(net.now, destination).unwrap();
    net.run(ms(500));
    for host in [0, last] {
        let info = net.hosts[host].node.link(link).unwrap();
        assert_eq!(info.status, LinkStatus::Active);
    }
    net.events(0);
    net.events(last);
    (destination, link)
}

#[test]
fn a_link_through_two_transports_carries_everything_both_ways() {
    let mut net = Net::row(4);
    let (_, link) = linked(&mut net);
    assert_eq!(net.hosts[0].node.link(link).unwrap().mtu, 16384);
    for (from, to) in [(0, 3), (3, 0)] {
        net.hosts[from].node.send_on_link(net.now, link, b"hello".to_vec(), Priority::Message).unwrap();
        net.run(ms(200));
        let heard = net.events(to);
        assert!(
            heard.iter().any(|event| matches!(event, Event::LinkPacket { data, .. } if data == b"hello"))
        );
        let data = vec![from as u8; 300_000];
        net.hosts[from].node.send_resource(net.now, link, data.clone(), ResourceOptions::default()).unwrap();
        net.run(secs(20));
        let whole =
            |event: &Event| matches!(event, Event::ResourceReceived { data: got, .. } if *got == data);
        let offered = |event: &Event| matches!(event, Event::ResourceOffered { size: 300_000, .. });
        // On a link that it opened, the application takes resources one by one.
        let events = net.events(to);
        assert!(
            events.iter().any(if to == 3 { &whole as &dyn Fn(&Event) -> bool } else { &offered }),
            "{from}"
        );
    }
    net.hosts[0].node.close_link(net.now, link);
    net.run(ms(200));
    assert!(net.hosts[3].node.link(link).is_none());
    for host in [1, 2] {
        let counters = net.hosts[host].node.counters();
        assert_eq!((counters.relay_wrong_way, counters.packet_unknown_destination), (0, 0));
    }
}

#[test]
fn an_idle_link_lives_on_through_a_transport_by_its_keepalives() {
    let mut net = Net::row(3);
    let (_, link) = linked(&mut net);
    net.run(secs(3 * 3600));
    assert_eq!(net.hosts[0].node.link(link).unwrap().status, LinkStatus::Active);
    net.hosts[0].node.send_on_link(net.now, link, b"still".to_vec(), Priority::Message).unwrap();
    net.run(ms(200));
    assert!(net.events(2).iter().any(|event| matches!(event, Event::LinkPacket { .. })));
}

#[test]
fn packets_on_relayed_links_keep_their_order_and_closes_come_last() {
    let mut relayed = Relayed::established();
    let now = relayed.transit.now();
    let sent = [
        (Context::RESOURCE, PacketType::Data),
        (Context::LINK_CLOSE, PacketType::Data),
        (Context::CHANNEL, PacketType::Data),
        (Context::REQUEST, PacketType::Data),
        (Context::NONE, PacketType::Data),
        (Context(0x70), PacketType::Data),
        (Context::NONE, PacketType::Proof),
        (Context::KEEPALIVE, PacketType::Data),
    ];
    for (n, (context, packet_type)) in sent.iter().enumerate() {
        let mut packet = Packet::link(relayed.link, *context, &[1; 40]).with_hops(TK - 1);
        let body = [n as u8; 40];
        packet.data = &body;
        packet.header.packet_type = *packet_type;
        let near = relayed.transit.near;
        relayed.transit.node().handle_frame(now, near, &frame(packet));
    }
    let order: Vec<u8> = relayed.transit.sent().iter().map(|(_, frame)| frame[19]).collect();
    assert_eq!(order, [6, 7, 2, 4, 5, 3, 0, 1]);
}

/// Changes a few bytes of a frame, or its length.
fn mutate(rng: &mut Rng, frame: &mut Vec<u8>) {
    for _ in 0..rng.below(4) {
        let at = rng.below(frame.len() as u64) as usize;
        // The header is where the decisions are made.
        let at = if rng.below(2) == 0 { at } else { at % 36.min(frame.len()) };
        frame[at] = rng.bytes::<1>()[0];
    }
    if rng.below(8) == 0 {
        frame.truncate(1 + rng.below(frame.len() as u64) as usize);
    }
}

#[test]
fn whatever_comes_in_all_tables_keep_their_bounds_and_the_true_link_lives() {
    let limits = Limits {
        reverse: 50,
        relays: 40,
        half_open_relays: 4,
        half_open_relays_per_interface: 2,
        packet_hashes: 500,
        work: 64,
        ..Limits::default()
    };
    let config = |_, config| NodeConfig { transport: true, limits, ..config };
    let mut relayed = Relayed::through(Transit::with(config, [fast(), fast(), fast()]), REM, TK);
    let proof = relayed.proof(REM);
    relayed.far(&proof);
    let mut rng = Rng::from_seed([5; 32]);
    let (near, far, aside) = (relayed.transit.near, relayed.transit.far, relayed.transit.aside);
    for turn in 0..6_000_u64 {
        let n = (turn % 256) as u8;
        let (request, other) = request(&relayed.transit, relayed.destination, n);
        let data = turn.to_be_bytes();
        let single = relayed.transit.addressed(Packet::single(relayed.destination, Context(n), &data));
        let mut sent = match rng.below(6) {
            0 => request,
            1 => frame(single),
            2 => relayed.packet(Context(n), rng.bytes::<1>()[0], TK),
            3 => frame(Packet::link_proof(other, Context::LINK_REQUEST_PROOF, &[n; 99])),
            4 => proof.clone(),
            _ => frame(Packet::proof(single.hash().proof_address(), &[n; 64])),
        };
        mutate(&mut rng, &mut sent);
        let interface = [near, far, aside][rng.below(3) as usize];
        // Ten minutes in all, so that what ends does end.
        relayed.transit.net.now = relayed.transit.now() + ms(rng.below(200));
        let now = relayed.transit.now();
        relayed.transit.node().handle_timeout(now);
        relayed.transit.feed(interface, &sent);
        relayed.transit.net.events(0);
        let transport = &relayed.transit.node().transport;
        assert!(transport.reverse.len() <= 50 && transport.relays.len() <= 40);
        if turn % 64 == 0 {
            // Its ends keep it alive, and nobody has talked it away.
            let keepalive = relayed.packet(Context::KEEPALIVE, 1, TK);
            assert_eq!(relayed.near(&keepalive).len(), 1, "turn {turn}");
        }
    }
    assert!(relayed.transit.counters().forwarded > 500);
    assert!(relayed.transit.counters().relay_evicted > 0 && relayed.transit.counters().reverse_evicted > 0);
}
