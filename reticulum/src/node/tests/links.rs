use std::time::Duration;

use super::net::*;
use crate::crypto::Rng;
use crate::hash::{DestinationHash, LinkId, PathHash};
use crate::node::*;
use crate::wire::msgpack;

/// A pair with an open link from host 1 to a destination of host 0.
fn linked() -> (Net, DestinationHash, LinkId) {
    linked_over(CLEAN)
}

fn linked_over(medium: Medium) -> (Net, DestinationHash, LinkId) {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    net.medium = medium;
    for _ in 0..20 {
        let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
        net.run(Duration::from_secs(13));
        let active = |host: &Host| host.node.link(link).is_some_and(|info| info.status == LinkStatus::Active);
        if net.hosts.iter().all(active) {
            net.events(0);
            net.events(1);
            return (net, destination, link);
        }
    }
    panic!("no link in twenty attempts");
}

fn nil() -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_nil(&mut out);
    out
}

fn bin(len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::write_bin(&mut out, &noise(len));
    out
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    Rng::from_seed([9; 32]).fill(&mut bytes);
    bytes
}

#[test]
fn a_link_opens_at_the_mtu_of_the_interface_and_closes() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    net.events(1);
    let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(200));
    let info = net.hosts[1].node.link(link).unwrap();
    assert_eq!((info.mtu, info.rtt, info.role), (16384, ms(20), LinkRole::Initiator));
    assert!(matches!(net.events(1)[..], [Event::LinkOpened { role: LinkRole::Initiator, .. }]));
    assert!(matches!(net.events(0)[..], [Event::LinkOpened { role: LinkRole::Responder, .. }]));

    net.hosts[0].node.close_link(net.now, link);
    net.run(ms(100));
    let closed = |events: Vec<Event>| match events[..] {
        [Event::LinkClosed { reason, ever_active, .. }] => (reason, ever_active),
        _ => panic!("{events:?}"),
    };
    assert_eq!(closed(net.events(0)), (CloseReason::Local, true));
    assert_eq!(closed(net.events(1)), (CloseReason::Remote, true));
    assert!(net.hosts[0].node.link(link).is_none());
}

#[test]
fn the_mtu_is_the_least_that_both_interfaces_take() {
    // Section 6.6: the hardware MTU counts where the interface is capable of it, else 500.
    let config = |hw_mtu, mtu_capable| InterfaceConfig { hw_mtu, mtu_capable, ..InterfaceConfig::default() };
    for (ours, theirs, expected) in [
        (config(16384, true), config(1196, true), 1196),
        (config(1196, true), config(16384, true), 1196),
        (config(16384, true), config(1064, false), 500),
        (config(1064, false), config(16384, true), 500),
    ] {
        let mut net = Net::new(2);
        let mut ends = [Some(ours), Some(theirs)].into_iter();
        let ends = std::cell::RefCell::new(&mut ends);
        net.wire(0, 1, || ends.borrow_mut().next().unwrap().unwrap());
        let destination = net.announced(0, busy(1, "test.link"));
        let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
        net.run(ms(200));
        assert_eq!(net.hosts[1].node.link(link).unwrap().mtu, expected);
        assert_eq!(net.hosts[0].node.link(link).unwrap().mtu, expected);
    }
}

#[test]
fn the_answer_delay_shows_in_the_round_trip_time() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    net.hosts[0].node.set_answer_delay(ms(15));
    let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(ms(200));
    assert_eq!(net.hosts[1].node.link(link).unwrap().rtt, ms(35));
}

#[test]
fn data_is_proven_by_policy() {
    let (mut net, ..) = linked();
    let (destination, link) = {
        let config = DestinationConfig { proofs: ProofPolicy::Application, ..busy(2, "test.app") };
        let destination = net.announced(0, config);
        let link = net.hosts[1].node.open_link(net.now, destination).unwrap();
        net.run(ms(100));
        (destination, link)
    };
    net.events(0);
    net.events(1);
    let send = |net: &mut Net| {
        net.hosts[1].node.send_on_link(net.now, link, b"hello".to_vec(), Priority::Message).unwrap()
    };
    let receipt = send(&mut net);
    net.run(ms(50));
    let Some(Event::LinkPacket { data, proof, .. }) = net.events(0).pop() else { panic!() };
    assert_eq!(data, b"hello");
    net.hosts[0].node.prove(net.now, proof);
    net.run(ms(50));
    assert!(matches!(net.events(1)[..], [Event::Delivered { receipt: proven }] if proven == receipt));

    // Six round trips of 20 ms, then it is too late.
    let receipt = send(&mut net);
    net.run(ms(121));
    assert!(matches!(net.events(1)[..], [Event::TimedOut { receipt: late }] if late == receipt));
    assert_eq!(net.hosts[0].node.remove_destination(&destination), ());
}

#[test]
fn the_initiator_identifies_and_asks() {
    let (mut net, destination, link) = linked();
    net.hosts[1].node.identify(net.now, link, &identity(60)).unwrap();
    let request = net.hosts[1].node.request(net.now, link, "/test", &nil(), None).unwrap();
    net.run(ms(50));
    let events = net.events(0);
    let [Event::LinkIdentified { .. }, Event::Request { request: asked, path, remote, destination: of, .. }] =
        &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((*asked, *path, *of), (request, PathHash::of_path("/test"), destination));
    assert_eq!(remote.as_ref().unwrap().hash(), identity(60).hash());

    // As a packet, then as a resource.
    for len in [100, 200_000] {
        let request = net.hosts[1].node.request(net.now, link, "/test", &nil(), None).unwrap();
        net.run(ms(50));
        net.hosts[0].node.respond(net.now, link, request, &bin(len)).unwrap();
        net.run(ms(2000));
        let Some(Event::Response { value, .. }) = net.events(1).pop() else { panic!() };
        assert_eq!(value, bin(len));
    }
}

#[test]
fn a_resource_crosses_a_lossy_reordering_medium() {
    let (mut net, _, link) = linked_over(Medium { latency: ms(5), jitter: ms(20), loss_percent: 10 });
    let content = noise(1_200_000);
    let options = ResourceOptions { metadata: None, compress: true };
    net.hosts[1].node.send_resource(net.now, link, content.clone(), options).unwrap();
    net.run(Duration::from_secs(300));
    let events = net.events(1);
    assert!(matches!(events[..], [Event::ResourceSent { .. }, ..]), "{events:?}");
    let received = net.events(0).into_iter().find_map(|event| match event {
        Event::ResourceReceived { data, .. } => Some(data),
        _ => None,
    });
    assert!(received == Some(content));
}

#[test]
fn messages_and_a_megabyte_cross_a_lossy_reordering_medium_both_ways() {
    const STREAM: u16 = 9;
    let (mut net, _, link) = linked_over(Medium { latency: ms(5), jitter: ms(20), loss_percent: 3 });
    let content = noise(1_000_000);
    let mut written = [0, 0];
    let mut said = [0_u32, 0];
    let mut heard = [(Vec::new(), Vec::new(), false), (Vec::new(), Vec::new(), false)];
    for host in [0, 1] {
        net.hosts[host].node.open_channel(link).unwrap();
    }
    for _ in 0..3_000 {
        for host in [0, 1] {
            let rest = &content[written[host]..];
            let node = &mut net.hosts[host].node;
            if !rest.is_empty() {
                written[host] += node.write_stream(net.now, link, STREAM, rest).unwrap();
                if written[host] == content.len() {
                    node.end_stream(net.now, link, STREAM).unwrap();
                }
            }
            if said[host] < 100 && node.send_on_channel(net.now, link, 7, &said[host].to_be_bytes()).is_ok() {
                said[host] += 1;
            }
        }
        net.run(ms(100));
        for (host, (bytes, numbers, ended)) in heard.iter_mut().enumerate() {
            for event in net.events(host) {
                match event {
                    Event::StreamData { stream: STREAM, data, end, .. } => {
                        bytes.extend(data);
                        *ended |= end;
                    }
                    Event::ChannelMessage { kind: 7, data, .. } => numbers.push(data),
                    Event::LinkClosed { reason, .. } => panic!("{reason:?}"),
                    _ => {}
                }
            }
        }
        if heard.iter().all(|(_, numbers, ended)| *ended && numbers.len() == 100) {
            break;
        }
    }
    for (bytes, numbers, ended) in heard {
        assert!(ended && bytes == content);
        assert_eq!(numbers, (0..100_u32).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
    }
}

#[test]
fn a_request_is_answered_with_a_file() {
    let (mut net, _, link) = linked();
    for content in [noise(200_000), Vec::new()] {
        let request = net.hosts[1].node.request(net.now, link, "/file", &nil(), None).unwrap();
        net.run(ms(50));
        let name = b"\x81\xa4name\xc4\x05a.txt".to_vec();
        let node = &mut net.hosts[0].node;
        let refused = node.respond_with_file(net.now, link, request, content.clone(), vec![0xc0, 0xc0]);
        assert_eq!(refused, Err(LinkError::NotMessagePack));
        node.respond_with_file(net.now, link, request, content.clone(), name.clone()).unwrap();
        net.run(ms(2000));
        let Some(Event::Response { request: answered, value, metadata, .. }) = net.events(1).pop() else {
            panic!("no answer with {} bytes", content.len())
        };
        assert!(answered == request && value == content);
        assert_eq!(metadata, Some(name));
    }
}

#[test]
fn packets_of_a_link_count_only_on_its_interface() {
    let (mut net, _, link) = linked();
    let other = net.hosts[0].node.add_interface(net.now, fast());
    net.hosts[1].sent.clear();
    net.hosts[1].node.send_on_link(net.now, link, b"hello".to_vec(), Priority::Message).unwrap();
    net.drain();
    let frame = net.hosts[1].sent[0].1.clone();
    net.hosts[0].node.handle_frame(net.now, other, &frame);
    assert_eq!(net.hosts[0].node.counters().link_wrong_interface, 1);
    net.run(ms(50));
    assert!(matches!(net.events(0)[..], [Event::LinkPacket { .. }]), "the other copy did not count as seen");
}

#[test]
fn links_close_with_their_interface() {
    for remove in [true, false] {
        let (mut net, ..) = linked();
        match remove {
            true => net.hosts[0].node.remove_interface(net.now, InterfaceId(0)),
            false => net.hosts[0].node.handle_interface_down(net.now, InterfaceId(0)),
        }
        net.drain();
        let events = net.events(0);
        assert!(
            matches!(events[..], [Event::LinkClosed { reason: CloseReason::InterfaceLost, .. }]),
            "{events:?}"
        );
    }
}

#[test]
fn an_unanswered_link_times_out_and_looks_for_a_new_path() {
    let mut net = Net::pair();
    let destination = net.announced(0, busy(1, "test.link"));
    net.events(1);
    net.medium.loss_percent = 100;
    net.hosts[1].node.open_link(net.now, destination).unwrap();
    net.run(Duration::from_secs(13));
    let closed = net.events(1);
    assert!(
        matches!(closed[..], [Event::LinkClosed { reason: CloseReason::Timeout, ever_active: false, .. }]),
        "{closed:?}"
    );
    assert_eq!(net.hosts[1].sent.last().unwrap().1[0], 0x08, "a path request");
    net.medium.loss_percent = 0;
    net.run(Duration::from_secs(21));
    net.hosts[1].node.request_path(net.now, destination);
    net.run(ms(100));
    assert!(matches!(net.events(1)[0], Event::PathFound { .. }));
}

#[test]
fn commands_on_what_is_gone_are_refused() {
    let (mut net, _, link) = linked();
    let gone = LinkId::new([1; 16]);
    let node = &mut net.hosts[1].node;
    assert_eq!(node.identify(net.now, gone, &identity(1)), Err(LinkError::UnknownLink));
    assert_eq!(node.send_on_link(net.now, gone, vec![1], Priority::Message), Err(LinkError::UnknownLink));
    assert_eq!(node.request(net.now, gone, "/x", &nil(), None), Err(LinkError::UnknownLink));
    assert_eq!(node.request(net.now, link, "/x", &[], None), Err(LinkError::NotMessagePack));
    let max = node.link(link).unwrap().mdu;
    assert_eq!(
        node.send_on_link(net.now, link, vec![0; max + 1], Priority::Message),
        Err(LinkError::TooLong { max })
    );
    node.close_link(net.now, gone);
}
