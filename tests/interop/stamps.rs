//! Stamps and tickets between stock LXMF clients and a group.

use std::time::{Duration, Instant};

use interfaces::{Settings, TcpClientSettings};
use lxmf::propagation::{TransientId, container};
use lxmf::stamp::{Purpose, STAMP_LEN, Workblock};
use lxmf::ticket::Issuer;
use reticulum::crypto::Identity;
use reticulum::hash::{DestinationHash, LinkId};
use reticulum::node::{Event, Priority};
use reticulum::time::UnixTime;
use serde_json::json;

use super::delivery::{member, texts};
use crate::support::host::Host;
use crate::support::process::{Folder, Meshgroup, free_port};
use crate::support::python::{Medium, Peer, text};

const COST_8: &str = "[limits]\nstamp_cost = 8\n";

fn counter(node: &Meshgroup, name: &str) -> u64 {
    node.status()["counters"][name].as_u64().unwrap_or_else(|| panic!("{name} is counted"))
}

/// A stamp is checked after its message was proven, so the post comes a moment later.
fn wait_for_texts(node: &Meshgroup, count: usize) {
    let end = Instant::now() + Duration::from_secs(10);
    while texts(node).len() < count && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stock_client_pays_the_first_time_and_then_writes_with_the_ticket_that_it_was_given() {
    let folder = Folder::new("stamps-paid");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    let welcome = alice.message_with("Harbour chat");
    assert_eq!(welcome["ticket"], true, "{welcome}");
    assert_eq!(counter(&node, "stamps_bad"), 0);
    let checked = counter(&node, "unpaid_held");
    assert_eq!(checked, 1, "the proof of work was held while it was checked");
    for method in ["opportunistic", "direct"] {
        let sent = alice.deliver(&group, method, &format!("by ticket, {method}"));
        assert_eq!(sent["state"], "delivered", "{sent}");
    }
    wait_for_texts(&node, 2);
    assert_eq!(texts(&node), ["by ticket, opportunistic", "by ticket, direct"]);
    assert_eq!(counter(&node, "unpaid_held"), checked, "a ticket is known at once");
}

#[test]
fn a_message_without_a_stamp_waits_and_is_posted_when_one_with_a_stamp_follows() {
    let folder = Folder::new("stamps-held");
    let mut node = Meshgroup::start(folder.path(), COST_8);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Harbour chat");
    alice.tell(json!({"do": "forget_tickets"}));
    for text in ["held one", "held two"] {
        let send = json!({"do": "send", "to": group, "method": "direct", "text": text, "stamp": false});
        assert_eq!(alice.ask(send, "sent")["state"], "delivered");
    }
    alice.message_with("stamp of cost 8");
    assert!(texts(&node).is_empty());
    // What is held survives a crash: it was proven. Its sender hears again what a message costs.
    alice.take("announce");
    node.kill();
    let node = Meshgroup::restart_on(node.dir(), node.port);
    alice.wait("announce", |heard| heard["destination"] == group.as_str());
    assert!(texts(&node).is_empty());
    let sent = alice.deliver(&group, "direct", "paid");
    assert_eq!(sent["state"], "delivered", "{sent}");
    wait_for_texts(&node, 3);
    assert_eq!(texts(&node), ["held one", "held two", "paid"]);
    assert!(
        alice
            .take("message")
            .iter()
            .all(|message| !message["text"].as_str().unwrap().contains("stamp of cost"))
    );
}

#[test]
fn a_strangers_message_without_a_stamp_is_told_so_and_not_kept() {
    let folder = Folder::new("stamps-stranger");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    let group = node.group("address");
    let send = json!({"do": "send", "to": group, "method": "direct", "text": "/join", "stamp": false});
    assert_eq!(eve.ask(send, "sent")["state"], "delivered");
    eve.message_with("not taken");
    assert_eq!(node.json(&["member", "list", "--json"]).as_array().map(Vec::len), Some(0));
    assert_eq!(counter(&node, "unpaid_held"), 0);
}

#[test]
fn a_client_that_did_not_know_the_price_hears_it_after_its_first_message_and_pays_for_the_second() {
    let folder = Folder::new("stamps-unknown");
    let node = Meshgroup::start(folder.path(), COST_8);
    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    let group = node.group("address");
    // The announce that greets a connection is of no use to a client that was not ready for it.
    eve.wait("announce", |heard| heard["destination"] == group.as_str());
    let send = json!({"do": "send", "to": group, "method": "direct", "text": "/join", "stamp": false});
    assert_eq!(eve.ask(send, "sent")["state"], "delivered");
    eve.wait("announce", |heard| heard["destination"] == group.as_str());
    assert_eq!(eve.deliver(&group, "direct", "/join")["state"], "delivered");
    eve.message_with("Harbour chat");
    assert_eq!(counter(&node, "unpaid"), 1);
}

#[test]
fn copies_for_a_member_who_asks_for_cost_12_are_paid_and_taken() {
    let folder = Folder::new("stamps-owed");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = member(&folder, &node, "Alice");
    let mut dear =
        Peer::start_with(folder.path(), "Dear", Medium::Connect(node.port), &["--stamp-cost", "12"]);
    dear.tell(json!({"do": "announce"}));
    let group = node.group("address");
    assert_eq!(dear.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    assert_eq!(dear.message_with("Harbour chat")["stamp_valid"], true);
    alice.deliver(&group, "opportunistic", "is this worth it?");
    let copy = dear.message("Alice: is this worth it?");
    assert_eq!((&copy["stamp_valid"], &copy["stamp"]), (&json!(true), &json!(32)), "{copy}");
    // With a ticket of theirs no work is needed any more.
    let send =
        json!({"do": "send", "to": group, "method": "opportunistic", "text": "take this", "ticket": true});
    assert_eq!(dear.ask(send, "sent")["state"], "delivered");
    alice.message("Dear: take this");
    alice.deliver(&group, "opportunistic", "thanks");
    let copy = dear.message("Alice: thanks");
    assert_eq!((&copy["stamp_valid"], &copy["stamp"]), (&json!(true), &json!(16)), "{copy}");
}

/// Uploads with a stamp of each kind: what it is, how many bits it is worth, and whether a node takes it that wants `needed`.
fn uploads(to: DestinationHash, needed: u32) -> Vec<(String, Vec<u8>, bool)> {
    let stored = |mark: u8| [to.as_ref(), &[mark; 150][..]].concat();
    let block = |stored: &[u8]| Workblock::new(Purpose::Propagation, TransientId::of(stored).as_bytes());
    let worth = |stored: &[u8], bits: u32| -> [u8; STAMP_LEN] {
        let block = block(stored);
        let stamps =
            (0_u64..).map(|n| [[0; 8], [0; 8], [0; 8], n.to_be_bytes()].concat().try_into().unwrap());
        stamps.into_iter().find(|stamp: &[u8; STAMP_LEN]| block.value(stamp) == bits).expect("there is one")
    };
    let mut rows = Vec::new();
    for (mark, bits) in [(1, needed + 2), (2, needed), (3, needed - 1), (4, 0)] {
        let stamp = worth(&stored(mark), bits);
        rows.push((format!("{bits} bits"), container(now(), &stored(mark), &stamp), bits >= needed));
    }
    // A stamp is good for one message, and a message that is there already needs no other one.
    let of_another = worth(&stored(2), needed);
    assert!(block(&stored(5)).value(&of_another) < needed, "the stamps of the test are what they are to be");
    rows.push(("that of another message".to_owned(), container(now(), &stored(5), &of_another), false));
    rows.push(("the same again".to_owned(), container(now(), &stored(2), &of_another), true));
    rows
}

fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    UnixTime::from_micros(since.as_micros() as u64)
}

/// What a node makes of a packet on a link: it proves it, or sends a word and closes.
fn judged(host: &Host, link: LinkId, body: Vec<u8>) -> (bool, Option<Vec<u8>>) {
    let sent = host.with(move |node, now| {
        // Its stamps take a stock node a while to check, and a busy machine more.
        node.set_proof_wait(link, Duration::from_secs(45))?;
        node.send_on_link(now, link, body, Priority::Message)
    });
    let receipt = sent.expect("the link is active");
    let mut word = None;
    let is_proven = host.wait("a proof or the end of the link", |event| match event {
        Event::Delivered { receipt: of } if *of == receipt => Some(true),
        Event::LinkPacket { link: of, data, .. } if *of == link => {
            word = Some(data.clone());
            None
        }
        Event::LinkClosed { link: of, .. } if *of == link => Some(false),
        _ => None,
    });
    (is_proven, word)
}

#[test]
fn a_stock_node_takes_and_refuses_uploads_as_predicted() {
    let folder = Folder::new("stamps-stock-node");
    let port = free_port();
    let mut office = Peer::start_with(
        folder.path(),
        "Office",
        Medium::Listen(port),
        &["--transport", "--propagation-node"],
    );
    let mail = office.ask(json!({"do": "node_address"}), "node_address");
    let mail = DestinationHash::from_hex(&text(&mail, "address")).expect("an address");
    let host = Host::start(Settings::TcpClient(TcpClientSettings::new(format!("127.0.0.1:{port}"))), 7);
    // Its first announce may come before there is anybody to hear it.
    let end = Instant::now() + Duration::from_secs(60);
    while host.with(move |node, _| node.path(&mail).is_none() || node.peer(&mail).is_none()) {
        assert!(Instant::now() < end, "the node was never heard");
        office.tell(json!({"do": "announce_node"}));
        std::thread::sleep(Duration::from_secs(1));
    }
    // It asks for 13 bits, and is content with 3 less.
    for (what, body, expected) in uploads(DestinationHash::new([0x5b; 16]), 10) {
        let link = host.with(move |node, now| node.open_link(now, mail)).expect("it was heard");
        host.wait("a link", |event| {
            matches!(event, Event::LinkOpened { link: of, .. } if *of == link).then_some(())
        });
        let (is_proven, word) = judged(&host, link, body);
        assert_eq!(is_proven, expected, "{what}");
        assert_eq!(word, (!expected).then(|| vec![0x91, 0xcc, 0xf5]), "{what}");
        host.with(move |node, now| node.close_link(now, link));
    }
    let store = folder.path().join("Office/lxmf/lxmf/messagestore");
    assert_eq!(std::fs::read_dir(&store).expect("its store").count(), 2, "each message once");
}

#[test]
fn uploads_of_a_stock_client_are_taken_and_refused_as_predicted() {
    let folder = Folder::new("stamps-our-node");
    let office = "[propagation]\nserve = true\nmembers_only = false\nstamp_cost = 8\nstamp_flexibility = 2\n\
                  sync_interval = 0\ndiscover = false\n";
    let node = Meshgroup::start(folder.path(), office);
    let mail = node.status()["propagation_address"].clone();
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    for (what, body, expected) in uploads(DestinationHash::new([0x5b; 16]), 6) {
        let link = alice.ask(json!({"do": "link", "to": mail, "name": "lxmf.propagation"}), "link");
        let body: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
        let upload = json!({"do": "link_packet", "link": link["link"], "data": body});
        alice.ask(upload, if expected { "proven" } else { "unproven" });
        if !expected {
            let word = alice.wait("link_packet", |heard| heard["link"] == link["link"]);
            assert_eq!(word["data"], "91ccf5", "{what}");
        }
    }
    assert_eq!((counter(&node, "mail_kept"), counter(&node, "mail_bad_stamp")), (2, 3));
}

#[test]
fn a_stock_client_that_writes_with_a_ticket_that_is_not_its_own_or_has_expired_has_not_paid() {
    let folder = Folder::new("stamps-tickets");
    let node = Meshgroup::start(folder.path(), COST_8);
    let group = node.group("address");
    let join = |name: &str| {
        let mut peer = Peer::start(folder.path(), name, Medium::Connect(node.port));
        peer.tell(json!({"do": "announce"}));
        assert_eq!(peer.deliver(&group, "opportunistic", "/join")["state"], "delivered");
        assert_eq!(peer.message_with("Harbour chat")["ticket"], true);
        peer
    };
    let (mut alice, mut bob) = (join("Alice"), join("Bob"));
    let ticket =
        |peer: &mut Peer| text(&peer.ask(json!({"do": "tickets", "of": group}), "tickets"), "ticket");
    let (of_alice, of_bob) = (ticket(&mut alice), ticket(&mut bob));
    assert_ne!(of_alice, of_bob);
    // Tickets follow from the group's keys, so the test knows those of last month.
    let key: [u8; 64] =
        std::fs::read(node.dir().join("identity")).expect("its keys").try_into().expect("64 bytes");
    let issuer = Issuer::new(&Identity::from_bytes(&key));
    let address = DestinationHash::from_hex(&bob.delivery).expect("an address");
    let hex = |at: UnixTime| -> String {
        issuer.issue(&address, at).secret.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(hex(now()), of_bob);
    let expired = hex(now() - Duration::from_secs(30 * 86_400));
    let rows = [
        ("with hers", of_alice.as_str(), false),
        ("with last month's", &expired, false),
        ("with one made up", "000102030405060708090a0b0c0d0e0f", false),
        ("with mine", &of_bob, true),
    ];
    let held = counter(&node, "unpaid_held");
    for (count, (what, ticket, is_paid)) in (1..).zip(rows) {
        bob.ask(json!({"do": "use_ticket", "of": group, "ticket": ticket}), "ticket_used");
        let sent = bob.deliver(&group, "direct", what);
        assert_eq!(sent["state"], "delivered", "{sent}");
        let expected = if is_paid { held + 3 } else { held + count };
        let end = Instant::now() + Duration::from_secs(45);
        while counter(&node, "unpaid_held") != expected && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(counter(&node, "unpaid_held"), expected, "{what}");
        assert!(is_paid || texts(&node).is_empty(), "{what}");
    }
    // Who has paid once more is heard again: what waited follows.
    wait_for_texts(&node, 4);
    assert_eq!(texts(&node).len(), 4);
}
