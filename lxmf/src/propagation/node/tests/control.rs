//! What the operator's tools ask, by the rows of `spec/lxmf.md` 12.

use reticulum::wire::msgpack::Reader;

use super::*;

const STATS: &str = "/pn/get/stats";

/// A node with a peer, and a link of the peer's identity, which may ask, to its tools' door.
fn office() -> (Net, LinkId, DestinationHash) {
    let mut net = Net::new(3);
    let controller = net.stations[2].identity.hash();
    net.serve(0, |config| config.controllers = vec![controller]);
    net.announce(0);
    let peer = net.mimic(1, |_| {});
    let control = net.mail(0).control_address();
    let link = net.link_to(2, control);
    net.identify(2, link);
    (net, link, peer)
}

/// The keys of a map, with where each value begins.
fn keys(reader: &mut Reader<'_>) -> Vec<String> {
    (0..reader.read_map_len().unwrap())
        .map(|_| {
            let key = String::from_utf8(reader.read_str().unwrap().as_bytes().to_vec()).unwrap();
            reader.skip().unwrap();
            key
        })
        .collect()
}

/// The value of a key in a map.
fn value<'a>(map: &'a [u8], key: &[u8]) -> &'a [u8] {
    let mut reader = Reader::new(map);
    for _ in 0..reader.read_map_len().unwrap() {
        let (found, value) = (reader.raw().unwrap(), reader.raw().unwrap());
        // One byte tells that a text, two that bytes stand before it.
        if found.ends_with(key) && found.len() <= key.len() + 2 {
            return value;
        }
    }
    panic!("no {}", String::from_utf8_lossy(key));
}

#[test]
fn the_statistics_have_every_key_that_the_tools_read() {
    let (mut net, link, peer) = office();
    let stats = net.ask(2, link, STATS, &[0xc0]).unwrap();
    assert_eq!(
        keys(&mut Reader::new(&stats)),
        [
            "identity_hash",
            "destination_hash",
            "uptime",
            "delivery_limit",
            "propagation_limit",
            "sync_limit",
            "target_stamp_cost",
            "stamp_cost_flexibility",
            "peering_cost",
            "max_peering_cost",
            "autopeer_maxdepth",
            "from_static_only",
            "messagestore",
            "clients",
            "unpeered_propagation_incoming",
            "unpeered_propagation_rx_bytes",
            "static_peers",
            "discovered_peers",
            "total_peers",
            "max_peers",
            "peers",
        ]
    );
    assert_eq!(keys(&mut Reader::new(value(&stats, b"messagestore"))), ["count", "bytes", "limit"]);
    assert_eq!(
        keys(&mut Reader::new(value(&stats, b"clients"))),
        ["client_propagation_messages_received", "client_propagation_messages_served"]
    );
    let of_peer = value(value(&stats, b"peers"), peer.as_ref());
    assert_eq!(
        keys(&mut Reader::new(of_peer)),
        [
            "type",
            "state",
            "alive",
            "name",
            "last_heard",
            "next_sync_attempt",
            "last_sync_attempt",
            "sync_backoff",
            "peering_timebase",
            "ler",
            "str",
            "transfer_limit",
            "sync_limit",
            "target_stamp_cost",
            "stamp_cost_flexibility",
            "peering_cost",
            "peering_key",
            "network_distance",
            "rx_bytes",
            "tx_bytes",
            "acceptance_rate",
            "messages",
        ]
    );
    assert_eq!(
        keys(&mut Reader::new(value(of_peer, b"messages"))),
        ["offered", "outgoing", "incoming", "unhandled"]
    );
    assert_eq!(Reader::new(value(of_peer, b"network_distance")).read_uint(), Ok(1));
    assert_eq!(value(of_peer, b"alive"), [0xc3]);
}

#[test]
fn the_statistics_count() {
    let (mut net, link, peer) = office();
    net.stations[1].answers.push_back(Some(vec![0xc3]));
    net.keep(0, &[paid(DestinationHash::new([5; 16]), 1), paid(DestinationHash::new([5; 16]), 2)]);
    let stats = net.ask(2, link, STATS, &[0xc0]).unwrap();
    let number = |map: &[u8], key: &[u8]| Reader::new(value(map, key)).read_uint().unwrap();
    assert_eq!(number(value(&stats, b"messagestore"), b"count"), 2);
    assert_eq!(number(value(&stats, b"messagestore"), b"bytes"), 2 * 232);
    assert_eq!(number(value(&stats, b"clients"), b"client_propagation_messages_received"), 2);
    assert_eq!(number(&stats, b"unpeered_propagation_incoming"), 0);
    let messages = |stats: &[u8]| value(value(value(stats, b"peers"), peer.as_ref()), b"messages").to_vec();
    assert_eq!(number(&messages(&stats), b"unhandled"), 2);
    net.run_for(secs(60));
    let stats = net.ask(2, link, STATS, &[0xc0]).unwrap();
    let messages = messages(&stats);
    let counts = [&b"offered"[..], b"outgoing", b"incoming", b"unhandled"].map(|key| number(&messages, key));
    assert_eq!(counts, [2, 2, 0, 0]);
    let rate =
        Reader::new(value(value(value(&stats, b"peers"), peer.as_ref()), b"acceptance_rate")).read_f64();
    assert_eq!(rate, Ok(1.0));
}

#[test]
fn who_is_not_on_the_list_gets_no_answer() {
    let (mut net, _, peer) = office();
    let control = net.mail(0).control_address();
    let body = [&[0xc4, 16][..], peer.as_ref()].concat();
    for is_known in [false, true] {
        let link = net.link_to(1, control);
        if is_known {
            net.identify(1, link);
        }
        assert_eq!(net.ask(1, link, STATS, &[0xc0]), None, "identified {is_known}");
        assert_eq!(net.ask(1, link, "/pn/peer/unpeer", &body), None, "identified {is_known}");
    }
    assert_eq!((net.mail(0).peer_count(), net.mail(0).counters().no_access), (1, 4));
    // Nor is it asked at the door for clients.
    let link = net.known_link(2, 0);
    assert_eq!(net.ask(2, link, STATS, &[0xc0]), None);
}

#[test]
fn peers_are_synced_and_dropped_on_demand() {
    let (mut net, link, peer) = office();
    let body = |peer: DestinationHash| [&[0xc4, 16][..], peer.as_ref()].concat();
    let unknown = DestinationHash::new([7; 16]);
    for path in ["/pn/peer/sync", "/pn/peer/unpeer"] {
        let bad: [&[u8]; 4] = [&[0xc0], &[0xc4, 1, 7], &[0x01], &[0xa1, b'x']];
        for bad in bad {
            assert_eq!(net.ask(2, link, path, bad), Some(vec![0xcc, 0xf4]), "{path} {bad:02x?}");
        }
        assert_eq!(net.ask(2, link, path, &body(unknown)), Some(vec![0xcc, 0xfd]), "{path}");
    }
    net.run_for(secs(60));
    net.stations[1].answers.push_back(Some(vec![0xc3]));
    net.keep(0, &[paid(DestinationHash::new([5; 16]), 1)]);
    assert!(net.stations[1].asked.is_empty());
    assert_eq!(net.ask(2, link, "/pn/peer/sync", &body(peer)), Some(vec![0xc3]));
    net.run_for(secs(2));
    assert_eq!((net.stations[1].asked.len(), net.stations[1].brought.len()), (1, 1));
    assert_eq!(net.ask(2, link, "/pn/peer/unpeer", &body(peer)), Some(vec![0xc3]));
    assert_eq!((net.mail(0).peer_count(), net.stations[0].shelf.peers.len()), (0, 0));
    assert_eq!(net.ask(2, link, "/pn/peer/unpeer", &body(peer)), Some(vec![0xcc, 0xfd]));
}
