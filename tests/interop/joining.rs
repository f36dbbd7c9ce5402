//! Coming into groups of every sort with stock clients: plain LXMF routers that type commands, and Reticulum links that
//! call with protobuf.

use std::time::SystemTime;

use proto::v1::history_event::Body;
use proto::v1::setting::Value as SettingValue;
use proto::v1::{self, ErrorCode};
use reticulum::hash::{DestinationHash, IdentityHash};
use serde_json::json;

use super::api::{Client, hex, unhex};
use super::delivery::{member, texts};
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer, text};

/// A member who has claimed the group, and a link of theirs.
fn owner(folder: &Folder, node: &Meshgroup) -> Client {
    let mut owner = Client::identified(member(folder, node, "Olga"), node);
    let claim = v1::ClaimRequest { code: node.claim_code() };
    assert!(owner.call::<v1::ClaimResponse>("/api/v1/claim", &claim).error.is_none());
    owner
}

fn set(owner: &mut Client, settings: &[(&str, SettingValue)]) {
    let set = settings.iter().map(|(key, value)| v1::Setting {
        key: (*key).to_owned(),
        value: Some(value.clone()),
        ..Default::default()
    });
    let request = v1::SettingsRequest { set: set.collect(), ..Default::default() };
    let answer: v1::SettingsResponse = owner.call("/api/v1/settings", &request);
    assert_eq!(answer.error, None);
}

fn word(word: &str) -> SettingValue {
    SettingValue::Text(word.to_owned())
}

/// The texts of the history as a link tells them, oldest first.
fn history(client: &mut Client) -> Vec<String> {
    let request = v1::MessagesRequest { after: Some(0), ..Default::default() };
    let page: v1::MessagesResponse = client.call("/api/v1/messages", &request);
    let text = |event: v1::HistoryEvent| match event.body {
        Some(Body::Text(text)) => Some(text),
        _ => None,
    };
    page.events.into_iter().filter_map(text).collect()
}

fn send(client: &mut Client, text: &str) {
    let request = v1::SendRequest { text: text.to_owned(), ..Default::default() };
    assert_eq!(client.call::<v1::SendResponse>("/api/v1/messages/send", &request).error, None);
}

/// What the reference implementation makes of the work that a group asks for.
fn stamp(client: &mut Client, node: &Meshgroup, day: u32, cost: u32) -> Vec<u8> {
    let group = DestinationHash::from_hex(&node.group("api_address")).unwrap();
    let person = IdentityHash::from_hex(&client.peer.identity).unwrap();
    let material = meshgroup::group::join_material(group, person, day);
    let wish = json!({"do": "stamp", "material": hex(&material), "cost": cost, "rounds": 1000});
    unhex(&text(&client.peer.ask(wish, "stamp"), "stamp"))
}

fn today() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs() / 86_400).unwrap()
}

#[test]
fn a_public_group_takes_work_of_12_bits_to_join_and_8_to_send_from_messages_and_on_links() {
    let folder = Folder::new("join-cost");
    let node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let mut olga = owner(&folder, &node);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    set(&mut olga, &[("join-cost", SettingValue::Number(12)), ("send-cost", SettingValue::Number(8))]);
    // Name, cost, features: the cost of joining, which is more than that of sending.
    alice.wait("announce", |heard| {
        heard["destination"] == group.as_str() && heard["app_data"].as_str().unwrap().ends_with("0c9100")
    });
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Welcome to Harbour chat");

    let mut bob = Client::identified(Peer::start(folder.path(), "Bob", Medium::Connect(node.port)), &node);
    let info: v1::InfoResponse = bob.call("/api/v1/info", &v1::InfoRequest::default());
    let details = info.details.unwrap();
    assert_eq!((details.join_cost, details.send_cost), (12, 8));
    let join =
        |stamp, stamp_day| v1::JoinRequest { nick: "Bob".into(), stamp, stamp_day, ..Default::default() };
    assert_eq!(bob.refused("/api/v1/join", &join(vec![], 0)), ErrorCode::WorkNeeded);
    let good = stamp(&mut bob, &node, today(), 12);
    assert_eq!(bob.refused("/api/v1/join", &join(good.clone(), today() - 2)), ErrorCode::StampStale);
    assert_eq!(bob.refused("/api/v1/join", &join(good.clone(), today() - 1)), ErrorCode::StampWeak);
    let joined: v1::JoinResponse = bob.call("/api/v1/join", &join(good, today()));
    assert_eq!((joined.error, joined.you.map(|you| you.nick)), (None, Some("Bob".to_owned())));

    assert_eq!(alice.deliver(&group, "direct", "by message")["state"], "delivered");
    bob.peer.message("Alice: by message");
    send(&mut bob, "on a link");
    alice.message("Bob: on a link");
    assert_eq!(texts(&node), ["by message", "on a link"]);
    assert_eq!((history(&mut bob), history(&mut olga)), (texts(&node), texts(&node)));
}

#[test]
fn a_family_group_is_private_and_lets_in_whom_somebody_inside_approves() {
    let folder = Folder::new("family");
    let node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let mut olga = owner(&folder, &node);
    set(&mut olga, &[("visibility", word("private")), ("join", word("approval"))]);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    alice.tell(json!({"do": "announce"}));
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Somebody has to let you in. Your request is #1");
    olga.peer.message_with("#1: Alice");
    assert_eq!(olga.peer.deliver(&group, "opportunistic", "/ok 1")["state"], "delivered");
    alice.message_with("Welcome to Harbour chat (group). You are Alice");

    let mut bob = Client::identified(Peer::start(folder.path(), "Bob", Medium::Connect(node.port)), &node);
    bob.peer.tell(json!({"do": "announce"}));
    let info: v1::InfoResponse = bob.call("/api/v1/info", &v1::InfoRequest::default());
    assert_eq!(
        (info.name.as_str(), info.members, info.join()),
        ("Private Group", 0, v1::JoinPolicy::Approval)
    );
    assert_eq!(bob.refused("/api/v1/members", &v1::MembersRequest::default()), ErrorCode::NotMember);
    let join = v1::JoinRequest { nick: "Bob".into(), ..Default::default() };
    let asked: v1::JoinResponse = bob.call("/api/v1/join", &join);
    assert_eq!((asked.waiting, asked.you, asked.error), (2, None, None));
    let requests = v1::MemberRequestsRequest::default();
    let waiting: v1::MemberRequestsResponse = olga.call("/api/v1/members/requests", &requests);
    assert_eq!(hex(&waiting.applicants[0].identity_hash), bob.peer.identity);
    let approve = v1::MemberApproveRequest { number: 2 };
    assert_eq!(olga.call::<v1::MemberApproveResponse>("/api/v1/members/approve", &approve).error, None);
    bob.peer.message_with("Welcome to Harbour chat (group). You are Bob");

    let mut eve = Peer::start(folder.path(), "Eve", Medium::Connect(node.port));
    eve.tell(json!({"do": "announce"}));
    eve.deliver(&group, "opportunistic", "/join");
    olga.peer.message_with("#3: Eve");
    olga.peer.deliver(&group, "opportunistic", "/no 3 we do not know you");
    eve.message_with("You were not let into Private Group. Reason: we do not know you.");

    assert_eq!(alice.deliver(&group, "opportunistic", "dinner at eight")["state"], "delivered");
    send(&mut bob, "I am late");
    alice.message("Bob: I am late");
    olga.peer.message("Alice: dinner at eight");
    assert_eq!((history(&mut bob), history(&mut olga)), (texts(&node), texts(&node)));
    let heard = eve.take("message");
    assert!(heard.iter().all(|message| !text(message, "text").contains("dinner")), "{heard:?}");
}

#[test]
fn in_a_news_channel_those_with_a_role_post_and_the_others_read() {
    let folder = Folder::new("news");
    let node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let mut olga = owner(&folder, &node);
    set(&mut olga, &[("kind", word("channel"))]);
    let mut alice = member(&folder, &node, "Alice");
    let mut bob = Client::identified(member(&folder, &node, "Bob"), &node);
    alice.deliver(&group, "opportunistic", "may I?");
    alice.message_with("You may not do that");
    let post = v1::SendRequest { text: "may I?".into(), ..Default::default() };
    assert_eq!(bob.refused("/api/v1/messages/send", &post), ErrorCode::NoPermission);
    assert_eq!(olga.peer.deliver(&group, "opportunistic", "low water at six")["state"], "delivered");
    send(&mut olga, "high water at noon");
    for text in ["Olga: low water at six", "Olga: high water at noon"] {
        alice.message(text);
        bob.peer.message(text);
    }
    assert_eq!(texts(&node), ["low water at six", "high water at noon"]);
    assert_eq!(history(&mut bob), texts(&node));
}

#[test]
fn who_is_invited_is_told_when_they_are_heard_and_a_code_lets_others_in() {
    let folder = Folder::new("invited");
    let node = Meshgroup::start(folder.path(), "");
    let group = node.group("address");
    let mut olga = owner(&folder, &node);
    set(&mut olga, &[("join", word("invitation"))]);
    let mut alice = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    let invite = format!("/invite {}", alice.identity);
    assert_eq!(olga.peer.deliver(&group, "opportunistic", &invite)["state"], "delivered");
    olga.peer.message_with("is invited");
    alice.tell(json!({"do": "announce"}));
    alice.message_with("You are invited to Harbour chat (group) by Olga.");
    assert_eq!(alice.deliver(&group, "opportunistic", "/join")["state"], "delivered");
    alice.message_with("Welcome to");

    let mut bob = Peer::start(folder.path(), "Bob", Medium::Connect(node.port));
    bob.tell(json!({"do": "announce"}));
    bob.deliver(&group, "opportunistic", "/join");
    bob.message_with("by invitation only");
    olga.peer.deliver(&group, "opportunistic", "/invite code 2 1h");
    let told = text(&olga.peer.message_with("lets 2 in, for 60 min"), "text");
    let code = told.split(' ').nth(1).unwrap();
    bob.deliver(&group, "opportunistic", &format!("/join {code}"));
    bob.message_with("Welcome to");
}
