//! Attachments through every door: by request, with a message, and on the control socket.

use lxmf::fields::{Builder, Field, Fields, key};
use meshgroup::group::AttachmentHash;
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1::{self, ErrorCode};
use reticulum::node::RequestFailure;
use reticulum::wire::msgpack;

use super::PATIENCE;
use super::groups::{ALICE, BOB, ask, say};
use super::moderation::{joined, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

const SEND: &str = "/api/v1/messages/send";
const ATTACHMENT: &str = "/api/v1/messages/attachment";

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

fn photo(data: Vec<u8>) -> v1::NewAttachment {
    v1::NewAttachment { kind: v1::AttachmentKind::Image.into(), name: "webp".into(), codec: 0, data }
}

fn with(attachments: Vec<v1::NewAttachment>) -> v1::SendRequest {
    v1::SendRequest { attachments, client_id: vec![7; 8], ..Default::default() }
}

/// All of an attachment, in pieces whose answers have at most so many bytes.
fn fetch(sim: &mut Sim<Participant>, who: usize, group: Addresses, of: &v1::AttachmentRequest) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let request = v1::AttachmentRequest { offset: data.len() as u32, ..*of };
        let piece: v1::AttachmentResponse = ask(sim, who, group, ATTACHMENT, &request);
        assert_eq!(piece.error, None);
        assert!(piece.encoded_len() <= of.max_bytes as usize, "{}", piece.encoded_len());
        data.extend(piece.data);
        if data.len() >= piece.size as usize {
            return data;
        }
    }
}

/// What a page tells of the attachments of its last message.
fn told(sim: &mut Sim<Participant>, who: usize, group: Addresses) -> Vec<v1::Attachment> {
    let page: v1::MessagesResponse =
        ask(sim, who, group, "/api/v1/messages", &v1::MessagesRequest::default());
    let details = page.events.into_iter().filter_map(|event| event.details).next_back();
    details.expect("a message with details").attachments
}

fn code(answer: Option<v1::Error>) -> Option<(ErrorCode, u32)> {
    answer.map(|error| (error.code(), error.max))
}

#[test]
fn what_a_member_attaches_by_request_is_told_fetched_in_pieces_or_as_a_file_and_pushed_as_a_line() {
    let (mut sim, group) = joined();
    let data = noise(120_000);
    let sent: v1::SendResponse = ask(&mut sim, ALICE, group, SEND, &with(vec![photo(data.clone())]));
    assert_eq!(sent.error, None);
    let again: v1::SendResponse = ask(&mut sim, ALICE, group, SEND, &with(vec![photo(data.clone())]));
    assert_eq!(again, sent, "the same again is posted once");

    let expected = v1::Attachment {
        kind: v1::AttachmentKind::Image.into(),
        name: "webp".into(),
        size: 120_000,
        hash: AttachmentHash::of(&data).0.to_vec(),
        ..Default::default()
    };
    assert_eq!(told(&mut sim, BOB, group), [expected]);
    let line = format!("Alice: [photo 120 kB, /get {}]", sent.seq);
    sim.run_until(PATIENCE, "the line", |stations| stations[BOB].person().inbox.contains(&line));

    let whole = v1::AttachmentRequest { seq: sent.seq, max_bytes: 20_000, ..Default::default() };
    assert!(fetch(&mut sim, BOB, group, &whole) == data);
    let one_packet = v1::AttachmentRequest { offset: 119_700, max_bytes: 409, ..whole };
    let piece: v1::AttachmentResponse = ask(&mut sim, BOB, group, ATTACHMENT, &one_packet);
    assert_eq!((piece.data.as_slice(), piece.size), (&data[119_700..], 120_000));

    let file = v1::AttachmentRequest { file: true, offset: 5, ..whole };
    let now = sim.now();
    let asked = sim.stations[BOB].person().ask(now, ATTACHMENT, &file.encode_to_vec());
    sim.run_until(PATIENCE, "the file", |stations| !stations[BOB].person().files.is_empty());
    let (request, value, metadata) = sim.stations[BOB].person().files.remove(0);
    assert!(request == asked && value == data[5..]);
    assert_eq!(metadata, b"\x81\xa4name\xc4\x04webp");
}

#[test]
fn an_attachment_is_for_those_who_can_read_its_message_and_refused_as_what_it_is() {
    let (mut sim, group) = joined();
    let staff = v1::SendRequest { staff: true, ..with(vec![photo(noise(100))]) };
    let sent: v1::SendResponse = ask(&mut sim, ALICE, group, SEND, &staff);
    let piece = v1::AttachmentRequest { seq: sent.seq, ..Default::default() };
    let get = |sim: &mut Sim<Participant>, who, request: v1::AttachmentRequest| {
        code(ask::<v1::AttachmentResponse>(sim, who, group, ATTACHMENT, &request).error)
    };
    assert_eq!(get(&mut sim, ALICE, piece), None);
    assert_eq!(get(&mut sim, BOB, piece), Some((ErrorCode::NotFound, 0)), "Bob is not of the staff");
    let second = v1::AttachmentRequest { index: 1, ..piece };
    assert_eq!(get(&mut sim, ALICE, second), Some((ErrorCode::NotFound, 0)));
    let held = v1::AttachmentRequest { held: 1, ..piece };
    assert_eq!(get(&mut sim, BOB, held), Some((ErrorCode::NoPermission, 0)));
    let delete = v1::DeleteRequest { seq: sent.seq };
    let deleted: v1::DeleteResponse = ask(&mut sim, ALICE, group, "/api/v1/messages/delete", &delete);
    assert_eq!(deleted.error, None);
    assert_eq!(get(&mut sim, ALICE, piece), Some((ErrorCode::NotFound, 0)), "deleted is deleted");

    let send = |sim: &mut Sim<Participant>, attachments| {
        let request = v1::SendRequest { client_id: vec![], ..with(attachments) };
        code(ask::<v1::SendResponse>(sim, BOB, group, SEND, &request).error)
    };
    assert_eq!(send(&mut sim, vec![photo(vec![1]); 9]), Some((ErrorCode::TooManyAttachments, 8)));
    assert_eq!(send(&mut sim, vec![photo(vec![])]), Some((ErrorCode::MissingField, 0)));
    assert_eq!(send(&mut sim, vec![photo(noise(520_000))]), Some((ErrorCode::AttachmentTooLarge, 512_000)));
    let who = Some(v1::Who { who: Some(v1::who::Who::Name("Bob".into())) });
    let revoke =
        v1::PermissionsRequest { who, revoke: vec![v1::Permission::Attach.into()], ..Default::default() };
    operate::<v1::PermissionsResponse>(&mut sim, "/api/v1/members/permissions", &revoke);
    assert_eq!(send(&mut sim, vec![photo(noise(100))]), Some((ErrorCode::NoPermission, 0)));
}

#[test]
fn only_those_who_may_attach_may_send_long_requests() {
    let (mut sim, group) = joined();
    say(&mut sim, BOB, group, "/leave");
    let long = with(vec![photo(noise(100_000))]);
    for (who, lets) in [(ALICE, true), (BOB, false)] {
        let now = sim.now();
        sim.stations[who].person().open_link(now, group.api);
        sim.run_until(PATIENCE, "a link", |stations| !stations[who].person().links.is_empty());
        let now = sim.now();
        let asked = sim.stations[who].person().ask(now, SEND, &long.encode_to_vec());
        sim.run_until(PATIENCE, "an end", |stations| {
            let person = stations[who].person();
            person.answers.iter().any(|(request, _)| *request == asked) || !person.failures.is_empty()
        });
        let failures = &sim.stations[who].person().failures;
        let refused = failures.iter().any(|(request, reason)| {
            *request == asked && matches!(reason, RequestFailure::Transfer | RequestFailure::TooLarge)
        });
        assert_eq!(refused, !lets, "{failures:?}");
    }
}

#[test]
fn a_file_that_came_with_a_message_is_served_by_request_and_the_operators_goes_out_with_a_message() {
    let (mut sim, group) = joined();
    let mut files = Vec::new();
    msgpack::write_array_len(&mut files, 1);
    msgpack::write_array_len(&mut files, 2);
    msgpack::write_str(&mut files, "../tide.txt");
    msgpack::write_bin(&mut files, b"high at nine");
    let fields: Fields = Builder::default().raw(key::ATTACHMENTS, files).build();
    let (now, before) = (sim.now(), sim.stations[ALICE].person().delivered);
    sim.stations[ALICE].person().say_with(now, group.lxmf, "tides", fields);
    sim.run_until(PATIENCE, "a proof", |stations| stations[ALICE].person().delivered > before);
    let attachments = told(&mut sim, BOB, group);
    assert_eq!((attachments[0].name.as_str(), attachments[0].kind()), ("tide.txt", v1::AttachmentKind::File));
    let page: v1::MessagesResponse =
        ask(&mut sim, BOB, group, "/api/v1/messages", &v1::MessagesRequest::default());
    let request = v1::AttachmentRequest { seq: page.head, max_bytes: 15, ..Default::default() };
    assert_eq!(fetch(&mut sim, BOB, group, &request), b"high at nine");

    let kind = v1::MessageKind::Notice.into();
    let notice = v1::SendRequest { text: "a map".into(), kind, ..with(vec![photo(b"map".to_vec())]) };
    let sent: v1::SendResponse = operate(&mut sim, SEND, &notice);
    assert_eq!(sent.error, None);
    sim.run_until(PATIENCE, "the notice", |stations| {
        stations[BOB].person().inbox.iter().any(|text| text.ends_with("a map"))
    });
    let fields = sim.stations[BOB].person().fields.last().cloned().expect("it has just come");
    let image = Field::Image { format: "webp", data: b"map" };
    assert!(fields.typed().any(|field| field == image), "a small one goes along");
    let piece = v1::AttachmentRequest { seq: sent.seq, ..Default::default() };
    let piece: v1::AttachmentResponse = operate(&mut sim, ATTACHMENT, &piece);
    assert_eq!(piece.data, b"map");
}
