//! Replies, reactions and copies between stock clients: each member sees them point at their own copy.

use lxmf::fields::{Builder, Fields, key};
use lxmf::message::MessageId;
use reticulum::wire::msgpack;
use serde_json::{Value, json};

use super::delivery::{member, texts};
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Peer, text};

/// The message that a stock client knows by the hash in this event.
fn id(event: &Value) -> MessageId {
    let digits = text(event, "hash");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    MessageId::new(std::array::from_fn(|index| byte(2 * index)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends a message with fields and returns what the client says of it.
fn send(peer: &mut Peer, to: &str, content: &str, fields: &Fields) -> Value {
    let command =
        json!({"do": "send", "to": to, "method": "direct", "text": content, "fields": hex(fields.as_raw())});
    let sent = peer.ask(command, "sent");
    assert_eq!(sent["state"], "delivered", "{sent}");
    sent
}

#[test]
fn replies_and_reactions_point_at_each_members_own_copy() {
    let folder = Folder::new("references");
    let node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let [mut ann, mut bob, mut cleo] = ["Ann", "Bob", "Cleo"].map(|name| member(&folder, &node, name));

    let post = ann.deliver(&group, "direct", "Who brings the ropes?");
    let bobs = bob.message("Ann: Who brings the ropes?");
    let cleos = cleo.message("Ann: Who brings the ropes?");
    assert_ne!(text(&bobs, "hash"), text(&cleos, "hash"), "a relayed copy has an id of its own");

    // Bob's client answers with field 0x30, to the copy that it has. Ann's and Cleo's have not shown that they know that.
    let reply = Builder::default().reply(id(&bobs), "Who brings").build();
    send(&mut bob, &group, "I do", &reply);
    for peer in [&mut ann, &mut cleo] {
        let plain = peer.message_with("Bob: I do");
        assert_eq!(plain["text"], "> Ann: Who brings the ropes?\nBob: I do");
        assert_eq!(plain["known"], json!({}));
    }

    // Cleo reacts with 0x40 to her copy: from then on she is sent fields, in her own ids.
    send(&mut cleo, &group, "", &Builder::default().reaction(id(&cleos), "👍").build());
    ann.message("Cleo 👍 \"Who brings the ropes?\"");
    let reaction = bob.wait("message", |message| message["known"]["64"] != Value::Null);
    assert_eq!(reaction["known"]["64"], json!({"0": text(&bobs, "hash"), "1": hex("👍".as_bytes())}));
    assert_eq!(reaction["known"]["251"], "originator-identity");
    assert_eq!(reaction["known"]["252"], cleo.delivery);
    assert_eq!(reaction["text"], "");

    let again = Builder::default().reply(id(&bobs), "").build();
    send(&mut bob, &group, "and the hooks", &again);
    let answer = cleo.message("Bob: and the hooks");
    let quote = hex(b"Who brings the ropes?");
    assert_eq!(answer["known"], json!({"48": text(&cleos, "hash"), "49": quote}));

    // What answers the author's own message names the id that the author's client gave it.
    send(&mut ann, &group, "thanks", &Builder::default().reply(id(&post), "").build());
    let thanks = bob.message("Ann: thanks");
    assert_eq!(thanks["known"]["48"], text(&bobs, "hash"));
    let comment = Builder::default().target(key::COMMENT, id(&bobs)).build();
    send(&mut bob, &group, "five of them", &comment);
    let comment = ann.message("Bob: five of them");
    assert_eq!(comment["known"], json!({"65": {"0": text(&post, "hash")}}));
}

#[test]
fn a_message_sent_again_under_another_hash_is_proven_but_posted_once_even_after_a_restart() {
    let folder = Folder::new("resent");
    let mut node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let mut ann = member(&folder, &node, "Ann");
    let first = ann.deliver(&group, "direct", "See you at the harbour at eight");
    let again = ann.deliver(&group, "direct", "See you at the harbour at eight");
    assert_ne!(text(&first, "hash"), text(&again, "hash"));
    assert_eq!((&first["state"], &again["state"]), (&json!("delivered"), &json!("delivered")));
    assert_eq!(texts(&node), ["See you at the harbour at eight"]);
    node.kill();
    node = Meshgroup::restart_on(node.dir(), node.port);
    let third = ann.deliver(&group, "opportunistic", "See you at the harbour at eight");
    assert_eq!(third["state"], "delivered");
    assert_eq!(ann.deliver(&group, "opportunistic", "or at nine")["state"], "delivered");
    assert_eq!(texts(&node), ["See you at the harbour at eight", "or at nine"]);
}

/// Bytes that no compression makes smaller.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn image(data: &[u8]) -> Fields {
    let mut packed = Vec::new();
    msgpack::write_array_len(&mut packed, 2);
    msgpack::write_str(&mut packed, "webp");
    msgpack::write_bin(&mut packed, data);
    Builder::default().raw(key::IMAGE, packed).build()
}

fn file(name: &str, data: &[u8]) -> Fields {
    let mut packed = Vec::new();
    msgpack::write_array_len(&mut packed, 1);
    msgpack::write_array_len(&mut packed, 2);
    msgpack::write_str(&mut packed, name);
    msgpack::write_bin(&mut packed, data);
    Builder::default().raw(key::ATTACHMENTS, packed).build()
}

#[test]
fn a_large_photo_is_told_and_fetched_and_a_small_file_comes_along_even_after_a_restart() {
    let folder = Folder::new("attachments");
    let mut node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let [mut ann, mut bob] = ["Ann", "Bob"].map(|name| member(&folder, &node, name));
    let photo = noise(60_000, 1);
    send(&mut ann, &group, "the harbour", &image(&photo));
    let line = bob.message_with("Ann: the harbour");
    let said = text(&line, "text");
    let seq = said.strip_prefix("Ann: the harbour\n[photo 60 kB, /get ").expect("a line");
    let seq = seq.strip_suffix(']').expect("a number").to_owned();
    assert_eq!(line["known"], json!({}));

    node.kill();
    let _node = Meshgroup::restart_on(node.dir(), node.port);
    bob.deliver(&group, "direct", &format!("/get {seq}"));
    let fetched = bob.message(&format!("From message {seq}."));
    assert_eq!(fetched["known"]["6"], json!(["webp", hex(&photo)]));

    // A photo without a word is a message too, and a small file needs no asking.
    send(&mut ann, &group, "", &image(&noise(20_000, 2)));
    let alone = bob.message_with("Ann: [photo 20 kB, /get ");
    assert_eq!(alone["known"], json!({}));
    let tides = noise(3_000, 3);
    send(&mut ann, &group, "tides", &file("../tides.txt", &tides));
    let along = bob.message("Ann: tides");
    assert_eq!(
        (&along["text"], &along["known"]["5"]),
        (&json!("Ann: tides"), &json!([["tides.txt", hex(&tides)]]))
    );

    // What is deleted cannot be fetched.
    ann.deliver(&group, "direct", &format!("/delete {seq}"));
    bob.deliver(&group, "direct", &format!("/get {seq}"));
    bob.message("Nothing found by that name or number.");
}
