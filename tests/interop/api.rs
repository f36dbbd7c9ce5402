//! Group-aware clients: a stock Reticulum link, identified, and protobuf calls on `meshchat.group`.

use prost::Message;
use proto::v1::history_event::Body;
use proto::v1::{self, ErrorCode};
use serde_json::{Value, json};

use super::delivery::{member, texts};
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer, text};

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// A peer with a link to the group's API.
pub(super) struct Client {
    pub(super) peer: Peer,
    link: String,
}

impl Client {
    fn new(mut peer: Peer, node: &Meshgroup) -> Self {
        let to = node.group("api_address");
        let link = peer.ask(json!({"do": "link", "to": to, "name": "meshchat.group"}), "link");
        Self { link: text(&link, "link"), peer }
    }

    pub(super) fn identified(peer: Peer, node: &Meshgroup) -> Self {
        let mut client = Self::new(peer, node);
        client.peer.ask(json!({"do": "identify", "link": client.link}), "identify_sent");
        client
    }

    fn raw(&mut self, path: &str, data: &Value) -> Vec<u8> {
        let command = json!({"do": "request", "link": self.link, "path": path, "data": data, "timeout": 60});
        let tag = self.peer.tell_tagged(command);
        unhex(&text(&self.peer.wait_tag("response", tag), "value"))
    }

    pub(super) fn call<A: Message + Default>(&mut self, path: &str, request: &impl Message) -> A {
        let answer = self.raw(path, &json!(hex(&request.encode_to_vec())));
        A::decode(&answer[..]).expect("an answer of the path's type")
    }

    /// The code of a refusal.
    pub(super) fn refused(&mut self, path: &str, request: &impl Message) -> ErrorCode {
        let answer: v1::ErrorResponse = self.call(path, request);
        answer.error.expect("a refusal").code()
    }

    fn members(&mut self) -> Vec<v1::Member> {
        self.call::<v1::MembersResponse>("/api/v1/members", &v1::MembersRequest::default()).members
    }
}

fn who(member: u32) -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Member(member)) })
}

#[test]
fn every_call_works_over_a_stock_link() {
    let folder = Folder::new("calls");
    let node = Meshgroup::start(folder.path(), "");
    let peer = Peer::start(folder.path(), "Alice", Medium::Connect(node.port));
    let identity = peer.identity.clone();
    let mut alice = Client::identified(peer, &node);

    let info: v1::InfoResponse = alice.call("/api/v1/info", &v1::InfoRequest::default());
    assert_eq!((info.name.as_str(), info.members, info.you), ("Harbour chat (group)", 0, None));
    let joined: v1::JoinResponse =
        alice.call("/api/v1/join", &v1::JoinRequest { nick: "Alice".into(), ..Default::default() });
    let me = joined.you.expect("a membership");
    assert_eq!((me.nick.as_str(), joined.error), ("Alice", None));
    let claimed: v1::ClaimResponse =
        alice.call("/api/v1/claim", &v1::ClaimRequest { code: node.claim_code() });
    assert_eq!(claimed.you.map(|you| you.role()), Some(v1::Role::Owner));
    let bob = Client::identified(member(&folder, &node, "Bob"), &node).peer;
    let listed = alice.members();
    assert_eq!(hex(&listed[0].identity_hash), identity);
    assert_eq!(hex(&listed[1].identity_hash), bob.identity);

    let sent: v1::SendResponse = alice.call(
        "/api/v1/messages/send",
        &v1::SendRequest { text: "first".into(), client_id: vec![1; 8], ..Default::default() },
    );
    let again: v1::SendResponse = alice.call(
        "/api/v1/messages/send",
        &v1::SendRequest { text: "first".into(), client_id: vec![1; 8], ..Default::default() },
    );
    assert_eq!(sent, again, "a repeated call posts once");
    alice.call::<v1::SendResponse>(
        "/api/v1/messages/send",
        &v1::SendRequest { text: "second".into(), ..Default::default() },
    );
    alice.call::<v1::DeleteResponse>("/api/v1/messages/delete", &v1::DeleteRequest { seq: sent.seq });
    let page: v1::MessagesResponse =
        alice.call("/api/v1/messages", &v1::MessagesRequest { after: Some(0), ..Default::default() });
    let is_system = |body: &Body| matches!(body, Body::System(_));
    let bodies = page.events.iter().filter_map(|event| event.body.clone());
    let (people, bodies): (Vec<_>, Vec<_>) = bodies.partition(is_system);
    assert_eq!(people.len(), 3, "two joined, one of them became owner: {people:?}");
    assert_eq!(bodies.len(), 3, "a deleted post, a post and the deletion: {bodies:?}");
    assert_eq!(texts(&node), ["second"]);

    let renamed: v1::DisplayNameUpdateResponse =
        alice.call("/api/v1/display-name/update", &v1::DisplayNameUpdateRequest { nick: "Captain".into() });
    assert_eq!(renamed.nick, "Captain");
    let number = listed[1].member;
    let kicked: v1::KickResponse =
        alice.call("/api/v1/members/kick", &v1::KickRequest { who: who(number), reason: "noise".into() });
    assert!(kicked.error.is_none() && alice.members().len() == 1);
    let hash = Some(v1::Who { who: Some(v1::who::Who::IdentityHash(unhex(&bob.identity))) });
    let banned: v1::BanResponse = alice.call(
        "/api/v1/members/ban",
        &v1::BanRequest { who: hash.clone(), reason: "noise".into(), lasts_s: 0 },
    );
    assert!(banned.error.is_none(), "{banned:?}");
    let bans: v1::BansResponse = alice.call("/api/v1/bans", &v1::BansRequest::default());
    assert_eq!((bans.bans.len(), bans.bans[0].reason.as_str()), (1, "noise"));
    let unbanned: v1::UnbanResponse = alice.call("/api/v1/members/unban", &v1::UnbanRequest { who: hash });
    assert!(unbanned.error.is_none(), "{unbanned:?}");
    let left: v1::LeaveResponse = alice.call("/api/v1/leave", &v1::LeaveRequest {});
    assert!(left.seq > 0 || left.error.is_some(), "the last owner may be kept, but is told so: {left:?}");
}

#[test]
fn every_refusal_has_its_own_code_and_the_link_lives_on() {
    let folder = Folder::new("refusals");
    let node = Meshgroup::start(folder.path(), "");
    let owner = member(&folder, &node, "Olga");
    let mut owner = Client::identified(owner, &node);
    owner.call::<v1::ClaimResponse>("/api/v1/claim", &v1::ClaimRequest { code: node.claim_code() });

    let mut eve = Client::new(Peer::start(folder.path(), "Eve", Medium::Connect(node.port)), &node);
    assert_eq!(eve.refused("/api/v1/join", &v1::JoinRequest::default()), ErrorCode::NotIdentified);
    assert_eq!(eve.refused("/api/v1/messages", &v1::MessagesRequest::default()), ErrorCode::NotIdentified);
    eve.peer.ask(json!({"do": "identify", "link": eve.link}), "identify_sent");
    assert_eq!(eve.refused("/api/v1/messages", &v1::MessagesRequest::default()), ErrorCode::NotMember);
    let malformed = eve.raw("/api/v1/join", &json!("ffffff"));
    let code = v1::ErrorResponse::decode(&malformed[..]).unwrap().error.unwrap().code();
    assert_eq!(code, ErrorCode::Malformed);
    assert_eq!(eve.refused("/api/v1/nothing", &v1::InfoRequest::default()), ErrorCode::UnknownPath);
    eve.call::<v1::JoinResponse>(
        "/api/v1/join",
        &v1::JoinRequest { nick: "Eve".into(), ..Default::default() },
    );
    assert_eq!(eve.refused("/api/v1/messages/send", &v1::SendRequest::default()), ErrorCode::MissingField);
    let blank = v1::SendRequest { text: "  ".into(), ..Default::default() };
    assert_eq!(eve.refused("/api/v1/messages/send", &blank), ErrorCode::Empty);
    let kick = v1::KickRequest { who: who(1), ..Default::default() };
    assert_eq!(eve.refused("/api/v1/members/kick", &kick), ErrorCode::NoPermission);
    assert_eq!(eve.refused("/api/v1/messages/delete", &v1::DeleteRequest { seq: 999 }), ErrorCode::NotFound);
    let ban = v1::BanRequest {
        who: Some(v1::Who { who: Some(v1::who::Who::Name("Eve".into())) }),
        reason: "spam".into(),
        lasts_s: 0,
    };
    assert!(owner.call::<v1::BanResponse>("/api/v1/members/ban", &ban).error.is_none());
    assert_eq!(eve.refused("/api/v1/messages", &v1::MessagesRequest::default()), ErrorCode::Banned);
    assert_eq!(eve.refused("/api/v1/join", &v1::JoinRequest::default()), ErrorCode::Banned);
    let info: v1::InfoResponse = eve.call("/api/v1/info", &v1::InfoRequest::default());
    assert_eq!(info.you, None, "the link lives on and anyone may ask");
}

#[test]
fn a_history_of_500_messages_comes_as_one_resource_with_several_hashmap_updates_and_page_by_page() {
    let folder = Folder::new("history");
    let node = Meshgroup::start(folder.path(), "[limits]\nposts_per_minute = 0\n");
    let mut alice = member(&folder, &node, "Alice");
    let group = node.group("address");
    alice.tell(json!({"do": "flood", "to": group, "count": 500, "tag": "flood", "size": 280}));
    let done = alice.wait_within(std::time::Duration::from_secs(120), "flood_done", |_| true);
    assert_eq!(done["delivered"].as_array().map(Vec::len), Some(500));
    // A link of 500 bytes, as on a radio: the answer is then more than two times 74 parts.
    let small =
        Peer::start_with(folder.path(), "Alice", Medium::Connect(node.port), &["--no-link-mtu-discovery"]);
    drop(alice);
    let mut alice = Client::identified(small, &node);
    let all: v1::MessagesResponse = alice
        .call("/api/v1/messages", &v1::MessagesRequest { after: Some(0), limit: 1000, ..Default::default() });
    let is_post = |event: &&v1::HistoryEvent| matches!(event.body, Some(Body::Text(_)));
    assert_eq!(all.events.iter().filter(is_post).count(), 500);
    assert!(!all.more);

    let (mut after, mut count) = (0, 0);
    loop {
        let request = v1::MessagesRequest { after: Some(after), max_bytes: 409, ..Default::default() };
        let answer = alice.raw("/api/v1/messages", &json!(hex(&request.encode_to_vec())));
        assert!(answer.len() <= 409, "{} bytes do not fit a packet", answer.len());
        let page = v1::MessagesResponse::decode(&answer[..]).unwrap();
        count += page.events.len();
        after = page.events.iter().skip(1).fold(page.first_seq, |seq, event| seq + 1 + event.skip);
        if !page.more || count >= 20 {
            break;
        }
    }
    assert!(count >= 20);
}

#[test]
fn a_stock_link_sends_a_photo_and_fetches_it_in_pieces() {
    let folder = Folder::new("photo");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = Client::identified(member(&folder, &node, "Alice"), &node);
    let data: Vec<u8> =
        (0..60_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).take(90_000).collect();
    let photo = v1::NewAttachment {
        kind: v1::AttachmentKind::Image.into(),
        name: "webp".into(),
        codec: 0,
        data: data.clone(),
    };
    let send = v1::SendRequest { attachments: vec![photo], ..Default::default() };
    let sent: v1::SendResponse = alice.call("/api/v1/messages/send", &send);
    assert_eq!(sent.error, None);
    let mut fetched = Vec::new();
    while fetched.len() < data.len() {
        let offset = fetched.len() as u32;
        let request =
            v1::AttachmentRequest { seq: sent.seq, offset, max_bytes: 50_000, ..Default::default() };
        let piece: v1::AttachmentResponse = alice.call("/api/v1/messages/attachment", &request);
        assert_eq!((piece.error, piece.size), (None, 90_000));
        fetched.extend(piece.data);
    }
    assert!(fetched == data);
}

#[test]
fn how_much_is_unread_is_told_to_oneself_and_to_the_staff() {
    let folder = Folder::new("unread");
    let node = Meshgroup::start(folder.path(), "");
    let mut alice = Client::identified(member(&folder, &node, "Alice"), &node);
    let mut bob = Client::identified(member(&folder, &node, "Bob"), &node);
    let post = |text: &str| v1::SendRequest { text: text.into(), ..Default::default() };
    let first: v1::SendResponse = alice.call("/api/v1/messages/send", &post("one"));
    let _: v1::SendResponse = alice.call("/api/v1/messages/send", &post("two"));
    let counted = |client: &mut Client| {
        let info: v1::InfoResponse = client.call("/api/v1/info", &v1::InfoRequest { unread: true });
        info.you.map(|you| (you.read_seq, you.unread)).expect("a membership")
    };
    assert_eq!(counted(&mut bob), (0, 2));
    assert_eq!(counted(&mut alice), (0, 0), "one's own are read");
    let _: v1::ReadResponse = bob.call("/api/v1/messages/read", &v1::ReadRequest { seq: first.seq });
    assert_eq!(counted(&mut bob), (first.seq, 1));
    let of_bob = v1::ProfileRequest { who: who(2) };
    let own: v1::ProfileResponse = bob.call("/api/v1/profile", &of_bob);
    assert_eq!((own.read_seq, own.unread, own.preferences.is_empty()), (first.seq, 1, false));
    let of_other: v1::ProfileResponse = alice.call("/api/v1/profile", &of_bob);
    assert_eq!((of_other.nick.as_str(), of_other.read_seq, of_other.unread), ("Bob", 0, 0));
    assert!(of_other.preferences.is_empty());
    assert!(node.command(&["member", "role", "Alice", "moderator"]).status.success());
    let of_other: v1::ProfileResponse = alice.call("/api/v1/profile", &of_bob);
    assert_eq!((of_other.read_seq, of_other.unread), (first.seq, 1), "the staff sees who reads");
}
