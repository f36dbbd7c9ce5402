//! `docs/api.md` says what is so: every path, every error code, and what each call costs.

use reticulum::wire::request::{Request, Response};

use super::*;
use crate::api::{PATHS, response_value};
use crate::group::{Key, Settings};
use proto::v1::history_event::Body;
use reticulum::hash::RequestId;

const DOCS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md"));

/// A frame around a packed request or response that fits one link packet: header 19, IV 16, padding, HMAC 32.
fn frame_len(packed: usize) -> usize {
    19 + 16 + (packed / 16 + 1) * 16 + 32
}

/// A row of the table of costs: bytes of protobuf, and of the frame that carries it, both ways.
fn row(path: &str, request: &impl Message, response: &impl Message) -> String {
    let (request, response) = (request.encode_to_vec(), response.encode_to_vec());
    let data = if request.is_empty() { vec![0xc0] } else { response_value(&request) };
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    Request { requested_at_secs: 0.0, path: PathHash::of_path(path), data: &data }.emit(&mut asked);
    Response { id: RequestId::new([0; 16]), value: &response_value(&response) }.emit(&mut answered);
    assert!(asked.len().max(answered.len()) <= 431, "{path} no longer fits a packet");
    let frames = [asked.len(), answered.len()].map(frame_len);
    format!("| `{path}` | {} | {} | {} | {} |", request.len(), frames[0], response.len(), frames[1])
}

/// A group of the size that the documentation supposes: below 128 members, a few thousand events.
fn rows() -> Vec<String> {
    let (seq, time_s) = (5_000, 1_800_000_000);
    let you = Some(v1::Membership { member: 12, nick: "Bob".into(), ..Default::default() });
    let who = who(12);
    let member = |member, nick: &str| v1::Member {
        member,
        nick: nick.into(),
        identity_hash: vec![1; 16],
        ..Default::default()
    };
    let info = v1::InfoResponse {
        name: "Harbour chat (group)".into(),
        members: 20,
        messages: 4_000,
        head: seq,
        head_time_s: time_s,
        message_length_max: 4_000,
        posts_per_minute: 60,
        you: you.clone(),
        software: "0.1.0".into(),
        version: 1,
        details: Some(v1::GroupDetails::default()),
        ..Default::default()
    };
    let entry = v1::GroupEntry {
        group: 2,
        name: "Harbour chat (group)".into(),
        api_address: vec![1; 16],
        address: vec![1; 16],
        members: 20,
        you: you.clone(),
        ..Default::default()
    };
    vec![
        row("/api/v1/info", &v1::InfoRequest::default(), &info),
        row(
            "/api/v1/groups",
            &v1::GroupsRequest::default(),
            &v1::GroupsResponse { groups: vec![entry.clone(); 3], ..Default::default() },
        ),
        row(
            "/api/v1/groups/create",
            &v1::CreateGroupRequest {
                name: "Harbour chat (group)".into(),
                stamp: vec![1; 32],
                stamp_day: 20_600,
                ..Default::default()
            },
            &v1::CreateGroupResponse { group: Some(entry), ..Default::default() },
        ),
        row(
            "/api/v1/groups/delete",
            &v1::DeleteGroupRequest { confirm: "Harbour chat (group)".into() },
            &v1::DeleteGroupResponse::default(),
        ),
        row(
            "/api/v1/join",
            &v1::JoinRequest { nick: "Bob".into(), ..Default::default() },
            &v1::JoinResponse { you: you.clone(), seq, ..Default::default() },
        ),
        row(
            "/api/v1/claim",
            &v1::ClaimRequest { code: "012Z0-ZABCD".into() },
            &v1::ClaimResponse { you, seq, error: None },
        ),
        row(
            "/api/v1/members",
            &v1::MembersRequest::default(),
            &v1::MembersResponse {
                members: (1..=10).map(|n| member(n, "Bob")).collect(),
                ..Default::default()
            },
        ),
        row(
            "/api/v1/members/kick",
            &v1::KickRequest { who: who.clone(), reason: "spam".into() },
            &v1::KickResponse { seq, error: None },
        ),
        row(
            "/api/v1/members/ban",
            &v1::BanRequest { who: who.clone(), reason: "spam".into(), lasts_s: 0 },
            &v1::BanResponse { seq, error: None },
        ),
        row("/api/v1/members/unban", &v1::UnbanRequest { who }, &v1::UnbanResponse { seq, error: None }),
        row(
            "/api/v1/bans",
            &v1::BansRequest::default(),
            &v1::BansResponse {
                bans: vec![v1::Ban {
                    identity_hash: vec![1; 16],
                    member: 12,
                    reason: "spam".into(),
                    until_s: 0,
                }],
                ..Default::default()
            },
        ),
    ]
}

/// The calls about settings and about joining.
fn entry_rows() -> Vec<String> {
    let join_cost = v1::Setting {
        key: "join-cost".into(),
        value: Some(v1::setting::Value::Number(12)),
        ..Default::default()
    };
    let seq = 5_000;
    let paused = v1::Preference { key: "push".into(), value: "nothing".into() };
    let new_code = v1::invite_request::Invite::NewCode(v1::NewCode { uses: 5, lasts_s: 604_800 });
    let applicant =
        v1::Applicant { number: 3, identity_hash: vec![1; 16], nick: "Bob".into(), time_s: 1_800_000_000 };
    vec![
        row(
            "/api/v1/members/invite",
            &v1::InviteRequest { invite: Some(new_code) },
            &v1::InviteResponse { code: "012Z0-ZABCD".into(), seq, error: None },
        ),
        row(
            "/api/v1/members/requests",
            &v1::MemberRequestsRequest::default(),
            &v1::MemberRequestsResponse { applicants: vec![applicant], ..Default::default() },
        ),
        row(
            "/api/v1/members/approve",
            &v1::MemberApproveRequest { number: 3 },
            &v1::MemberApproveResponse { seq, error: None },
        ),
        row(
            "/api/v1/members/reject",
            &v1::MemberRejectRequest { number: 3, reason: "unknown".into() },
            &v1::MemberRejectResponse { seq, error: None },
        ),
        row("/api/v1/leave", &v1::LeaveRequest {}, &v1::LeaveResponse { seq, error: None }),
        row(
            "/api/v1/display-name/update",
            &v1::DisplayNameUpdateRequest { nick: "Bob".into() },
            &v1::DisplayNameUpdateResponse { seq, nick: "Bob".into(), error: None },
        ),
        row(
            "/api/v1/profile",
            &v1::ProfileRequest { who: who(12) },
            &v1::ProfileResponse {
                member: 12,
                nick: "Bob".into(),
                identity_hash: vec![1; 16],
                lxmf_address: vec![1; 16],
                joined_s: 1_800_000_000,
                heard_s: 1_800_000_000,
                ..Default::default()
            },
        ),
        row(
            "/api/v1/presence",
            &v1::PresenceRequest::default(),
            &v1::PresenceResponse {
                members: vec![v1::MemberPresence { member: 12, presence: 1 }; 5],
                ..Default::default()
            },
        ),
        row(
            "/api/v1/preferences",
            &v1::PreferencesRequest { set: vec![paused.clone()] },
            &v1::PreferencesResponse { preferences: vec![paused; 4], seq, error: None },
        ),
        row(
            "/api/v1/typing",
            &v1::TypingRequest { state: v1::TypingState::Started.into(), ..Default::default() },
            &v1::TypingResponse { members: vec![12], error: None },
        ),
        row(
            "/api/v1/settings",
            &v1::SettingsRequest { set: vec![join_cost.clone()], ..Default::default() },
            &v1::SettingsResponse { settings: vec![join_cost], seq, error: None },
        ),
    ]
}

/// The calls about messages, as far as everybody makes them.
fn message_rows() -> Vec<String> {
    let (seq, time_s) = (5_000, 1_800_000_000);
    let text = "See you at the harbour at eight"; // 31 characters
    let post = |_| v1::HistoryEvent {
        delta_s: 60,
        author: 12,
        body: Some(Body::Text(text.into())),
        ..Default::default()
    };
    let page = v1::MessagesResponse {
        first_seq: seq,
        first_time_s: time_s,
        events: (0..10).map(post).collect(),
        head: seq,
        ..Default::default()
    };
    vec![
        row(
            "/api/v1/messages",
            &v1::MessagesRequest { after: Some(seq), max_bytes: 409, ..Default::default() },
            &page,
        ),
        row(
            "/api/v1/messages/send",
            &v1::SendRequest { text: text.into(), client_id: vec![1; 8], ..Default::default() },
            &v1::SendResponse { seq, time_s, held: 0, error: None },
        ),
        row(
            "/api/v1/messages/attachment",
            &v1::AttachmentRequest { seq, offset: 60_000, max_bytes: 409, ..Default::default() },
            &v1::AttachmentResponse { data: vec![1; 399], size: 84_000, error: None },
        ),
        row("/api/v1/messages/delete", &v1::DeleteRequest { seq }, &v1::DeleteResponse { seq, error: None }),
        row(
            "/api/v1/messages/edit",
            &v1::EditRequest { seq, text: text.into() },
            &v1::EditResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/react",
            &v1::ReactRequest { seq, reaction: "👍".into(), remove: false },
            &v1::ReactResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/pin",
            &v1::PinRequest { seq, remove: false },
            &v1::PinResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/search",
            &v1::SearchRequest { query: "harbour".into(), max_bytes: 409, ..Default::default() },
            &page,
        ),
        row(
            "/api/v1/messages/read",
            &v1::ReadRequest { seq },
            &v1::ReadResponse { seq, unread: 12, error: None },
        ),
        row(
            "/api/v1/messages/edits",
            &v1::EditsRequest { seq, max_bytes: 409 },
            &v1::EditsResponse {
                texts: vec![v1::EarlierText { seq, time_s, author: 12, text: text.into() }; 2],
                ..Default::default()
            },
        ),
        row(
            "/api/v1/delivery",
            &v1::DeliveryRequest { seq, missing: true, max_bytes: 409, ..Default::default() },
            &v1::DeliveryResponse {
                counts: vec![
                    v1::DeliveryCount { state: v1::DeliveryState::Queued.into(), count: 1 },
                    v1::DeliveryCount { state: v1::DeliveryState::Proven.into(), count: 18 },
                ],
                copies: vec![v1::DeliveryCopy {
                    member: 12,
                    state: v1::DeliveryState::Queued.into(),
                    failure: v1::DeliveryFailure::NoAnswer.into(),
                    ..Default::default()
                }],
                ..Default::default()
            },
        ),
    ]
}

/// The calls about roles and about keeping order.
fn rules_rows() -> Vec<String> {
    let (seq, time_s) = (5_000, 1_800_000_000);
    let text = "See you at the harbour at eight";
    let act = v1::Act {
        seq,
        time_s,
        by: 12,
        kind: v1::ActKind::Kicked.into(),
        member: 13,
        reason: "spam".into(),
        ..Default::default()
    };
    vec![
        row(
            "/api/v1/members/mute",
            &v1::MuteRequest { who: who(12), reason: "spam".into(), lasts_s: 7_200 },
            &v1::MuteResponse { seq, error: None },
        ),
        row(
            "/api/v1/members/unmute",
            &v1::UnmuteRequest { who: who(12) },
            &v1::UnmuteResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/held",
            &v1::HeldRequest::default(),
            &v1::HeldResponse {
                messages: vec![v1::HeldMessage {
                    number: 3,
                    author: 12,
                    time_s,
                    text: text.into(),
                    why: v1::HeldBecause::Link.into(),
                    attachments: vec![],
                }],
                ..Default::default()
            },
        ),
        row(
            "/api/v1/messages/held/approve",
            &v1::HeldApproveRequest { number: 3 },
            &v1::HeldApproveResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/held/reject",
            &v1::HeldRejectRequest { number: 3, reason: "spam".into() },
            &v1::HeldRejectResponse { seq, error: None },
        ),
        row(
            "/api/v1/messages/cleanup",
            &v1::CleanupRequest { author: who(12), reason: "spam".into(), ..Default::default() },
            &v1::CleanupResponse { deleted: 20, seq, error: None },
        ),
        row(
            "/api/v1/announce",
            &v1::AnnounceRequest {},
            &v1::AnnounceResponse { announced: true, error: None },
        ),
        row(
            "/api/v1/members/path",
            &v1::PathRequest { who: who(12) },
            &v1::PathResponse { hops: 2, interface: "lora".into(), error: None },
        ),
        row(
            "/api/v1/stats",
            &v1::StatsRequest {},
            &v1::StatsResponse {
                members: 20,
                online: 5,
                away: 9,
                messages: 4_000,
                waiting: 1,
                head: seq,
                ..Default::default()
            },
        ),
        row(
            "/api/v1/report",
            &v1::ReportRequest { seq, who: None, reason: "spam".into() },
            &v1::ReportResponse { seq, error: None },
        ),
        row(
            "/api/v1/audit",
            &v1::AuditRequest { max_bytes: 409, ..Default::default() },
            &v1::AuditResponse { acts: vec![act; 10], ..Default::default() },
        ),
    ]
}

/// The calls about roles.
fn roles_rows() -> Vec<String> {
    let seq = 5_000;
    let role = v1::RoleInfo {
        role: 16,
        name: "helper".into(),
        rank: 40,
        permissions: vec![1, 2, 3, 4, 6, 11],
        ..Default::default()
    };
    vec![
        row(
            "/api/v1/roles",
            &v1::RolesRequest::default(),
            &v1::RolesResponse { roles: vec![role.clone()], ..Default::default() },
        ),
        row(
            "/api/v1/roles/create",
            &v1::RoleCreateRequest {
                name: "helper".into(),
                rank: 40,
                permissions: role.permissions.clone(),
                quiet: false,
            },
            &v1::RoleCreateResponse { role: 16, seq, error: None },
        ),
        row(
            "/api/v1/roles/change",
            &v1::RoleChangeRequest { role: 16, to: Some(role.clone()) },
            &v1::RoleChangeResponse { seq, error: None },
        ),
        row(
            "/api/v1/roles/delete",
            &v1::RoleDeleteRequest { role: 16 },
            &v1::RoleDeleteResponse { seq, error: None },
        ),
        row(
            "/api/v1/roles/assign",
            &v1::RoleAssignRequest { who: super::who(12), role: 3 },
            &v1::RoleAssignResponse { seq, error: None },
        ),
        row(
            "/api/v1/members/update",
            &v1::MemberUpdateRequest {
                who: super::who(12),
                nick: "Bob".into(),
                role: Some(v1::Role::Moderator.into()),
                ..Default::default()
            },
            &v1::MemberUpdateResponse {
                member: Some(v1::Member {
                    member: 12,
                    nick: "Bob".into(),
                    identity_hash: vec![1; 16],
                    role: v1::Role::Moderator.into(),
                    former: false,
                }),
                seq,
                error: None,
            },
        ),
        row(
            "/api/v1/members/permissions",
            &v1::PermissionsRequest { who: super::who(12), grant: vec![11], ..Default::default() },
            &v1::PermissionsResponse {
                member: 12,
                role: 0,
                permissions: vec![1, 2, 3, 4, 6, 11],
                granted: vec![11],
                revoked: vec![],
                seq,
                error: None,
            },
        ),
    ]
}

/// Writes the table of costs anew: `MESHGROUP_BLESS=1 cargo test the_documentation_tells_what_each_call_costs`. The
/// next run sees it.
fn bless(rows: &[String]) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
    let docs = std::fs::read_to_string(path).unwrap();
    let is_row = |line: &&str| line.starts_with("| `/api/v1/");
    let before: Vec<&str> = docs.lines().take_while(|line| !is_row(line)).collect();
    let after: Vec<&str> = docs.lines().skip(before.len()).skip_while(is_row).collect();
    let lines = before.into_iter().chain(rows.iter().map(String::as_str)).chain(after);
    std::fs::write(path, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn the_documentation_tells_what_each_call_costs() {
    let rows = [rows(), entry_rows(), message_rows(), rules_rows(), roles_rows()].concat();
    assert_eq!(rows.len(), PATHS.len());
    if std::env::var_os("MESHGROUP_BLESS").is_some() {
        bless(&rows);
    }
    for row in &rows {
        assert!(DOCS.contains(row), "docs/api.md lacks or contradicts:\n{}", rows.join("\n"));
    }
}

#[test]
fn the_documentation_lists_every_setting() {
    let usual = Settings::default();
    let mut rows = Vec::new();
    for key in Key::ALL {
        let default = usual.setting(*key).value().to_string();
        let default = if default.is_empty() { "(none)" } else { &default };
        let row = format!("| `{}` | {} | {default} | {:?} |", key.name(), key.shape(), key.permission());
        rows.push(row);
    }
    for row in &rows {
        assert!(DOCS.contains(row), "docs/api.md lacks or contradicts:\n{}", rows.join("\n"));
    }
}

#[test]
fn the_documentation_names_every_error_code() {
    let codes: Vec<_> = (1..128).filter_map(|code| ErrorCode::try_from(code).ok()).collect();
    assert!(codes.len() >= 23);
    for code in codes {
        let (number, name) = (code as i32, code.as_str_name().trim_start_matches("ERROR_CODE_"));
        assert!(DOCS.contains(&format!("| {number} | `{name}` |")), "{number} {name}");
    }
}
