use super::net::*;
use crate::crypto::Ifac;
use crate::hash::{DestinationHash, LinkId};
use crate::node::*;
use crate::wire::{Context, Packet, PacketType};

fn protected() -> InterfaceConfig {
    InterfaceConfig { ifac: Ifac::new(Some("net"), Some("secret"), 16), ..fast() }
}

#[test]
fn access_codes_are_applied_and_checked() {
    let mut net = Net::new(2);
    net.wire(0, 1, protected);
    let destination = net.announced(0, busy(1, "test.group"));
    assert!(net.hosts[1].node.peer(&destination).is_some());
    let frame = net.hosts[0].sent[0].1.clone();
    assert_eq!(frame[0] & 0x80, 0x80);
    let stats = net.hosts[1].node.interface_stats(net.now, InterfaceId(0)).unwrap();
    assert_eq!((stats.rx_bytes, stats.rx_packets), (frame.len() as u64, 1));

    // An open interface refuses a code; a protected one refuses its absence, and a wrong one.
    let open = net.hosts[1].node.add_interface(net.now, fast());
    net.hosts[1].node.handle_frame(net.now, open, &frame);
    let mut plain = Vec::new();
    Packet::single(destination, Context::NONE, &[1; 80]).emit(&mut plain);
    net.hosts[1].node.handle_frame(net.now, InterfaceId(0), &plain);
    let mut wrong = frame.clone();
    wrong[3] ^= 1;
    net.hosts[1].node.handle_frame(net.now, InterfaceId(0), &wrong);
    assert_eq!(net.hosts[1].node.counters().frame_access_code, 3);
}

#[test]
fn frames_are_refused_by_name() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.group"));
    let node = &mut net.hosts[0].node;
    let now = net.now;
    let mut feed = |frame: &[u8]| node.handle_frame(now, InterfaceId(0), frame);
    feed(&[]);
    feed(&[0, 0]);
    feed(&[0; 18]);
    feed(&[0; 19]);
    feed(&[&[0, 128][..], &[0; 30]].concat());
    feed(&[0; 16385]);
    let mut frame = Vec::new();
    for packet in [
        Packet::single(DestinationHash::new([1; 16]), Context::NONE, &[0]),
        Packet::plain(DestinationHash::new([1; 16]), Context::NONE, &[0]),
        Packet::link(LinkId::new([1; 16]), Context::NONE, &[0]),
        Packet::link_request(DestinationHash::new([1; 16]), &[0; 67]),
        Packet::link_request(destination, &[0; 66]),
        Packet::plain(crate::transport::path_request_destination(), Context::NONE, &[0; 16]),
    ] {
        frame.clear();
        packet.emit(&mut frame);
        feed(&frame);
    }
    let mut group = Packet::single(destination, Context::NONE, &[0]);
    group.header.destination_type = crate::wire::DestinationType::Group;
    frame.clear();
    group.emit(&mut frame);
    feed(&frame);
    group.header.destination_type = crate::wire::DestinationType::Link;
    group.header.packet_type = PacketType::LinkRequest;
    frame.clear();
    group.emit(&mut frame);
    feed(&frame);
    node.handle_frame(now, InterfaceId(7), &frame);

    let expected = Counters {
        frame_short: 2,
        frame_malformed: 3,
        frame_long: 1,
        frame_interface_down: 1,
        packet_unknown_destination: 4,
        packet_wrong_type: 2,
        link_request_refused: 1,
        path_request_malformed: 1,
        ..Counters::default()
    };
    assert_eq!(*net.hosts[0].node.counters(), expected);
    assert!(net.hosts[0].node.poll_output().is_none());
    assert_eq!(expected.iter().map(|(_, count)| count).sum::<u64>(), 15);
}

#[test]
fn frames_are_refused_while_too_much_work_is_out() {
    let mut net = Net::with_limits(2, Limits { work: 3, ..Limits::default() });
    net.wire(0, 1, fast);
    let destination = net.announced(0, busy(1, "test.group"));
    net.hosts[0].works_at_once = false;
    for n in 0..10 {
        let mut frame = Vec::new();
        Packet::single(destination, Context::NONE, &[n; 128]).emit(&mut frame);
        net.hosts[0].node.handle_frame(net.now, InterfaceId(0), &frame);
    }
    assert_eq!(net.hosts[0].node.work_outstanding(), 3);
    assert_eq!(net.hosts[0].node.counters().work_full, 7);
    net.drain();
    let now = net.now;
    net.hosts[0].work(now);
    assert_eq!(net.hosts[0].node.work_outstanding(), 0);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = || {
        let mut net = Net::pair();
        net.medium = Medium { latency: ms(5), jitter: ms(50), loss_percent: 20 };
        let destination =
            net.announced(0, DestinationConfig { ratchets: Some(vec![]), ..busy(1, "test.group") });
        net.hosts[1].node.request_path(net.now, destination);
        net.run(ms(2000));
        if let Ok(link) = net.hosts[1].node.open_link(net.now, destination) {
            net.run(ms(1000));
            let _ =
                net.hosts[1].node.send_resource(net.now, link, vec![7; 100_000], ResourceOptions::default());
        }
        for n in 0..20 {
            let _ = net.hosts[1].node.send_packet(net.now, destination, vec![n; 50], Priority::Message);
        }
        net.run(ms(60_000));
        (net.hosts[0].sent.clone(), net.hosts[1].sent.clone(), format!("{:?}", net.hosts[0].events))
    };
    let first = trace();
    assert!(first.0.len() > 10);
    assert!(first == trace());
}
