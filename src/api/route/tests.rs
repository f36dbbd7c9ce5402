//! Who may call a path agrees with what its action needs: a path that let in too few would refuse what its action allows, and
//! one that let in others would tell them what a request has to look like.

use super::*;
use crate::group::{Need, Settings, Viewer};

fn who() -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Member(1)) })
}

/// What a call of each path that decides something may look like, and the bytes of it.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let setting = v1::Setting {
        key: "topic".into(),
        value: Some(v1::setting::Value::Text("tide".into())),
        ..Default::default()
    };
    let preference = v1::Preference { key: "push".into(), value: "all".into() };
    let uninvite = Some(v1::invite_request::Invite::Uninvite(vec![1; 16]));
    let role = v1::RoleInfo { name: "watch".into(), rank: 20, ..Default::default() };
    let reason = String::new;
    vec![
        ("join", v1::JoinRequest::default().encode_to_vec()),
        ("leave", v1::LeaveRequest {}.encode_to_vec()),
        ("claim", v1::ClaimRequest { code: "x".into() }.encode_to_vec()),
        ("display-name/update", v1::DisplayNameUpdateRequest { nick: "x".into() }.encode_to_vec()),
        (
            "members/update",
            v1::MemberUpdateRequest { who: who(), nick: "x".into(), ..Default::default() }.encode_to_vec(),
        ),
        ("members/kick", v1::KickRequest { who: who(), reason: reason() }.encode_to_vec()),
        ("members/ban", v1::BanRequest { who: who(), ..Default::default() }.encode_to_vec()),
        ("members/unban", v1::UnbanRequest { who: who() }.encode_to_vec()),
        ("members/mute", v1::MuteRequest { who: who(), ..Default::default() }.encode_to_vec()),
        ("members/unmute", v1::UnmuteRequest { who: who() }.encode_to_vec()),
        ("members/invite", v1::InviteRequest { invite: uninvite }.encode_to_vec()),
        ("members/approve", v1::MemberApproveRequest { number: 1 }.encode_to_vec()),
        ("members/reject", v1::MemberRejectRequest { number: 1, reason: reason() }.encode_to_vec()),
        ("preferences", v1::PreferencesRequest { set: vec![preference] }.encode_to_vec()),
        ("settings", v1::SettingsRequest { set: vec![setting], ..Default::default() }.encode_to_vec()),
        ("messages/send", v1::SendRequest { text: "x".into(), ..Default::default() }.encode_to_vec()),
        ("messages/delete", v1::DeleteRequest { seq: 1 }.encode_to_vec()),
        ("messages/held/approve", v1::HeldApproveRequest { number: 1 }.encode_to_vec()),
        ("messages/held/reject", v1::HeldRejectRequest { number: 1, reason: reason() }.encode_to_vec()),
        ("messages/edit", v1::EditRequest { seq: 1, text: "x".into() }.encode_to_vec()),
        ("messages/react", v1::ReactRequest { seq: 1, reaction: "+".into(), remove: false }.encode_to_vec()),
        ("messages/pin", v1::PinRequest { seq: 1, remove: false }.encode_to_vec()),
        ("messages/cleanup", v1::CleanupRequest { author: who(), ..Default::default() }.encode_to_vec()),
        ("report", v1::ReportRequest { seq: 1, ..Default::default() }.encode_to_vec()),
        (
            "roles/create",
            v1::RoleCreateRequest { name: "watch".into(), rank: 20, ..Default::default() }.encode_to_vec(),
        ),
        ("roles/change", v1::RoleChangeRequest { role: 16, to: Some(role) }.encode_to_vec()),
        ("roles/delete", v1::RoleDeleteRequest { role: 16 }.encode_to_vec()),
        ("roles/assign", v1::RoleAssignRequest { who: who(), role: 0 }.encode_to_vec()),
        (
            "members/permissions",
            v1::PermissionsRequest { who: who(), grant: vec![1], ..Default::default() }.encode_to_vec(),
        ),
    ]
}

/// Paths that decide nothing: they tell, or the node does it, which asks for itself.
const ASKING: &[&str] = &[
    "info",
    "groups",
    "groups/create",
    "groups/delete",
    "members",
    "members/requests",
    "members/path",
    "bans",
    "profile",
    "presence",
    "typing",
    "messages",
    "messages/attachment",
    "messages/search",
    "messages/read",
    "messages/edits",
    "messages/held",
    "audit",
    "announce",
    "stats",
    "roles",
    "delivery",
];

/// Paths that also only tell, so that members may call them whatever they may change.
const TELL_TOO: &[&str] = &["settings", "members/permissions", "members/update"];

fn action_of(path: &str, body: &[u8]) -> Action {
    let now = UnixTime::from_secs(1_800_000_000);
    let (mut group, _) = Group::create(now, &Settings::default(), None);
    let identity = reticulum::crypto::Identity::generate(&mut reticulum::crypto::Rng::from_seed([1; 32]));
    let owner = Caller::Identity {
        identity: std::sync::Arc::new(identity.public().clone()),
        announced_name: Some("Ann".into()),
    };
    let (nick, pass) = (None, crate::group::Pass::None);
    if path != "/api/v1/join" {
        group.decide(now, &owner, Action::Join { nick, pass }).unwrap();
        let (who, role) =
            (crate::group::Who::Text("Ann".into()), crate::group::RoleRef::Name("owner".into()));
        group.decide(now, &Caller::Operator, Action::AssignRole { who, role }).unwrap();
    }
    assert_eq!(group.viewer(&Caller::Operator), Viewer::OPERATOR);
    match plan(now, PathHash::of_path(path), body, &owner, &group) {
        Plan::Decide { action, .. } => action,
        other => panic!("{path} decides nothing: {other:?}"),
    }
}

#[test]
fn each_path_that_decides_lets_in_whom_its_action_takes() {
    let samples = samples();
    for path in PATHS {
        let name = path.trim_start_matches("/api/v1/");
        let sample = samples.iter().find(|(of, _)| *of == name);
        assert!(sample.is_some() != ASKING.contains(&name), "{path} needs a row in one of the two tables");
        let Some((_, body)) = sample else { continue };
        let access = TABLE.iter().find(|route| route.path == path).map(|route| route.access);
        let need = action_of(path, body).need();
        let agrees = match (access.unwrap(), need) {
            (Access::Identified, Need::Identity) => true,
            (Access::Member, Need::Membership | Need::MayOwnOrAny(..)) => true,
            (Access::Member, Need::May(_)) => TELL_TOO.contains(&name),
            (Access::May(access), Need::May(need)) => access == need,
            _ => false,
        };
        assert!(agrees, "{path}: {need:?}");
    }
    assert_eq!(samples.len() + ASKING.len(), PATHS.len(), "a row of a path that is not served");
}
