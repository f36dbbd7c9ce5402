//! Replies, reactions and copies between stock clients: each member sees them point at their own copy.

use lxmf::fields::{Builder, Fields, key};
use lxmf::message::MessageId;
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
