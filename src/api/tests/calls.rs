//! What each call does, and how it is refused.

use super::*;
use crate::group::{JoinPolicy, Pass, Setting};

#[test]
fn joining_claiming_renaming_and_leaving() {
    let mut scene = Scene::new(Visibility::Public);
    let bob = person(1);
    let joined: v1::JoinResponse =
        scene.call(&bob, "/api/v1/join", &v1::JoinRequest { nick: "Bob".into(), ..Default::default() });
    assert_eq!(joined.you, Some(v1::Membership { member: 1, nick: "Bob".into(), ..Default::default() }));
    assert_eq!(joined.seq, 2);

    let wrong = scene.error(&bob, "/api/v1/claim", &v1::ClaimRequest { code: "AAAAA-AAAAA".into() });
    assert_eq!(wrong.unwrap().code(), ErrorCode::BadCode);
    let code = scene.code.to_string();
    let claimed: v1::ClaimResponse = scene.call(&bob, "/api/v1/claim", &v1::ClaimRequest { code });
    assert_eq!(claimed.you.unwrap().role(), v1::Role::Owner);

    let request = v1::DisplayNameUpdateRequest { nick: " Robert\n".into() };
    let renamed: v1::DisplayNameUpdateResponse = scene.call(&bob, "/api/v1/display-name/update", &request);
    assert_eq!((renamed.nick.as_str(), renamed.seq), ("Robert", 4));

    let refused = scene.error(&bob, "/api/v1/leave", &v1::LeaveRequest {}).unwrap();
    assert_eq!(refused.code(), ErrorCode::LastOwner);
    let to = Action::AssignRole { who: Who::Member(MemberId(1)), role: RoleRef::Role(Role::Member) };
    scene.act(&Caller::Operator, to);
    let left: v1::LeaveResponse = scene.call(&bob, "/api/v1/leave", &v1::LeaveRequest {});
    assert_eq!((left.seq, left.error), (6, None));
    let info: v1::InfoResponse = scene.call(&bob, "/api/v1/info", &v1::InfoRequest::default());
    assert_eq!((info.members, info.you, info.head), (0, None, 6));
}

#[test]
fn without_a_wish_the_announced_name_is_the_nick_and_a_taken_one_is_refused_at_renaming() {
    let mut scene = Scene::populated();
    let joined: v1::JoinResponse = scene.call(&person(9), "/api/v1/join", &v1::JoinRequest::default());
    assert_eq!(joined.you.unwrap().nick, "P9");
    let request = v1::DisplayNameUpdateRequest { nick: "p2".into() };
    let error = scene.error(&person(9), "/api/v1/display-name/update", &request);
    assert_eq!(error.unwrap().code(), ErrorCode::NickTaken);
}

#[test]
fn a_private_group_tells_its_name_to_members_only() {
    let mut scene = Scene::new(Visibility::Private);
    scene.call::<v1::JoinResponse>(&person(1), "/api/v1/join", &v1::JoinRequest::default());
    let mut name = |caller: &Caller| {
        scene.call::<v1::InfoResponse>(caller, "/api/v1/info", &v1::InfoRequest::default()).name
    };
    assert_eq!(name(&person(1)), "Harbour");
    assert_eq!(name(&person(2)), "Private Group");
    assert_eq!(name(&Caller::Unidentified), "Private Group");
}

#[test]
fn settings_are_told_and_changed_several_at_once_or_not_at_all() {
    use v1::setting::Value as Wire;
    let mut scene = Scene::populated();
    let setting =
        |key: &str, value| v1::Setting { key: key.into(), value: Some(value), ..Default::default() };
    let path = "/api/v1/settings";
    let set = |settings: Vec<v1::Setting>| v1::SettingsRequest { set: settings, ..Default::default() };
    let both = || vec![setting("topic", Wire::Text("tide".into())), setting("join-cost", Wire::Number(12))];
    let changed: v1::SettingsResponse = scene.call(&person(1), path, &set(both()));
    assert_eq!((changed.settings, changed.error), (both(), None));
    assert_eq!(changed.seq, scene.group.state().head.0);
    assert_eq!(scene.error(&person(2), path, &set(both())).unwrap().code(), ErrorCode::NoPermission);

    let rows = [
        (vec![setting("topic", Wire::Text("x".into())), setting("join-cost", Wire::Number(99))], "join-cost"),
        (vec![setting("join-cost", Wire::Text("12".into()))], "join-cost"),
        (vec![setting("colour", Wire::On(true))], "set.key"),
        (vec![setting("topic", Wire::On(true)), setting("topic", Wire::On(true))], "topic"),
        (vec![v1::Setting { key: "topic".into(), ..Default::default() }], "topic"),
    ];
    for (wanted, field) in rows {
        let error = scene.error(&person(1), path, &set(wanted)).unwrap();
        assert_eq!((error.code(), error.field.as_str()), (ErrorCode::InvalidField, field), "{}", error.text);
    }
    let request = v1::SettingsRequest { details: true, ..Default::default() };
    let all: v1::SettingsResponse = scene.call(&person(2), path, &request);
    assert_eq!(all.settings.len(), crate::group::Key::ALL.len());
    assert!(all.settings.iter().all(|setting| !setting.changeable && !setting.takes.is_empty()));
    let request = v1::SettingsRequest { details: true, keys: vec!["topic".into()], ..Default::default() };
    let one: v1::SettingsResponse = scene.call(&person(1), path, &request);
    assert_eq!(one.settings[0].value, Some(Wire::Text("tide".into())));
    assert!(one.settings[0].changeable);
}

#[test]
fn sending_the_same_client_id_again_posts_once() {
    let mut scene = Scene::populated();
    let request = v1::SendRequest { text: "hi".into(), client_id: vec![1; 8], ..Default::default() };
    let first: v1::SendResponse = scene.call(&person(2), "/api/v1/messages/send", &request);
    let again: v1::SendResponse = scene.call(&person(2), "/api/v1/messages/send", &request);
    assert_eq!(first, again);
    let other: v1::SendResponse = scene.call(&person(3), "/api/v1/messages/send", &request);
    assert_eq!(other.seq, first.seq + 1, "somebody else's id is another id");
    assert_eq!(scene.group.state().messages, 2);
}

#[test]
fn a_text_that_cannot_be_posted_says_why() {
    let mut scene = Scene::populated();
    let mut refuse = |text: &str, client_id: Vec<u8>| {
        let request = v1::SendRequest { text: text.into(), client_id, ..Default::default() };
        scene.error(&person(2), "/api/v1/messages/send", &request).unwrap()
    };
    assert_eq!(refuse("", vec![]).code(), ErrorCode::MissingField);
    assert_eq!(refuse(" \n", vec![]).code(), ErrorCode::Empty);
    let long = refuse(&"ü".repeat(4_001), vec![]);
    assert_eq!((long.code(), long.max), (ErrorCode::TooLong, 4_000));
    let id = refuse("hi", vec![0; 33]);
    assert_eq!((id.code(), id.field.as_str()), (ErrorCode::InvalidField, "client_id"));
}

#[test]
fn posting_too_fast_says_when_to_come_back() {
    let mut scene = Scene::populated();
    let request = v1::SendRequest { text: "hi".into(), ..Default::default() }.encode_to_vec();
    let now = scene.now;
    let error = (0..100).find_map(|_| {
        scene.now = now;
        let bytes = scene.call_bytes(&person(2), "/api/v1/messages/send", &request);
        v1::ErrorResponse::decode(&bytes[..]).unwrap().error
    });
    let error = error.unwrap();
    assert_eq!((error.code(), error.retry_after_s), (ErrorCode::RateLimited, 1));
}

#[test]
fn only_the_author_and_the_owner_delete() {
    let mut scene = Scene::populated();
    let send = v1::SendRequest { text: "hi".into(), ..Default::default() };
    let mut seqs = [0, 0]
        .map(|_| scene.call::<v1::SendResponse>(&person(2), "/api/v1/messages/send", &send).seq)
        .into_iter();
    let request = v1::DeleteRequest { seq: seqs.next().unwrap() };
    let error = scene.error(&person(3), "/api/v1/messages/delete", &request);
    assert_eq!(error.unwrap().code(), ErrorCode::NoPermission);
    assert_eq!(scene.error(&person(2), "/api/v1/messages/delete", &request), None);
    let error = scene.error(&person(2), "/api/v1/messages/delete", &request);
    assert_eq!(error.unwrap().code(), ErrorCode::NotFound);
    let request = v1::DeleteRequest { seq: seqs.next().unwrap() };
    assert_eq!(scene.error(&person(1), "/api/v1/messages/delete", &request), None);
}

#[test]
fn moderation_from_kick_to_unban() {
    let mut scene = Scene::populated();
    let owner = person(1);
    let kick = v1::KickRequest { who: who(2), reason: "rude".into() };
    assert_eq!(scene.error(&owner, "/api/v1/members/kick", &kick), None);
    let again = scene.error(&owner, "/api/v1/members/kick", &kick);
    assert_eq!(again.unwrap().code(), ErrorCode::NotFound);

    let by_name = Some(v1::Who { who: Some(v1::who::Who::Name("P3".into())) });
    let ban = v1::BanRequest { who: by_name, reason: "spam".into(), lasts_s: 0 };
    assert_eq!(scene.error(&owner, "/api/v1/members/ban", &ban), None);
    let bans: v1::BansResponse = scene.call(&owner, "/api/v1/bans", &v1::BansRequest::default());
    assert_eq!(bans.bans.len(), 2);
    let banned = bans.bans.iter().find(|ban| ban.member == 3).unwrap();
    assert_eq!(banned.reason, "spam");

    let error = scene.error(&person(3), "/api/v1/join", &v1::JoinRequest::default()).unwrap();
    assert_eq!(error.code(), ErrorCode::Banned);
    assert!(error.text.contains("spam"));

    let by_hash = |hash: Vec<u8>| Some(v1::Who { who: Some(v1::who::Who::IdentityHash(hash)) });
    let short = v1::UnbanRequest { who: by_hash(vec![0; 15]) };
    let error = scene.error(&owner, "/api/v1/members/unban", &short).unwrap();
    assert_eq!((error.code(), error.field.as_str()), (ErrorCode::InvalidField, "who.identity_hash"));
    let unban = v1::UnbanRequest { who: by_hash(banned.identity_hash.clone()) };
    assert_eq!(scene.error(&owner, "/api/v1/members/unban", &unban), None);
    assert_eq!(scene.error(&person(3), "/api/v1/join", &v1::JoinRequest::default()), None);
}

#[test]
fn nobody_acts_on_their_own_rank() {
    let mut scene = Scene::populated();
    let kick = v1::KickRequest { who: who(1), reason: String::new() };
    let error = scene.error(&person(1), "/api/v1/members/kick", &kick);
    assert_eq!(error.unwrap().code(), ErrorCode::NoPermission);
    assert_eq!(scene.error(&Caller::Operator, "/api/v1/members/kick", &kick), None);
}

#[test]
fn members_come_in_pages_of_any_size() {
    let mut scene = Scene::new(Visibility::Public);
    for seed in 1..=50 {
        scene.act(&person(seed), Action::Join { nick: None, pass: Pass::None });
    }
    for (limit, max_bytes) in [(0, 0), (7, 0), (0, 100), (3, 60)] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let request = v1::MembersRequest { after, limit, max_bytes };
            let bytes = scene.call_bytes(&person(1), "/api/v1/members", &request.encode_to_vec());
            assert!(max_bytes == 0 || bytes.len() <= max_bytes as usize);
            let page = v1::MembersResponse::decode(&bytes[..]).unwrap();
            assert_eq!(page.error, None);
            seen.extend(page.members.iter().map(|member| member.member));
            if !page.more {
                break;
            }
            after = *seen.last().unwrap();
        }
        assert_eq!(seen, (1..=50).collect::<Vec<_>>(), "{limit} {max_bytes}");
    }
    let request = v1::MembersRequest { max_bytes: 20, ..v1::MembersRequest::default() };
    let error = scene.error(&person(1), "/api/v1/members", &request).unwrap();
    assert_eq!((error.code(), error.field.as_str()), (ErrorCode::InvalidField, "max_bytes"));
}

#[test]
fn strangers_learn_of_a_private_group_only_how_one_comes_in() {
    let mut scene = Scene::new(Visibility::Private);
    scene.act(&person(1), Action::Join { nick: None, pass: Pass::None });
    let settings =
        vec![Setting::Topic("tide".into()), Setting::Disclosure("Ann runs it.".into()), Setting::JoinCost(9)];
    scene.act(&Caller::Operator, Action::Set { settings });
    let mut info =
        |caller: &Caller| scene.call::<v1::InfoResponse>(caller, "/api/v1/info", &v1::InfoRequest::default());
    let (inside, outside) = (info(&person(1)), info(&person(2)));
    assert_eq!((inside.members, inside.details.unwrap().topic.as_str()), (1, "tide"));
    let details = outside.details.unwrap();
    assert_eq!((outside.members, outside.head, outside.messages, details.topic.as_str()), (0, 0, 0, ""));
    assert_eq!((details.join_cost, details.disclosure.as_str()), (9, "Ann runs it."));
}

#[test]
fn a_code_is_made_used_and_taken_back() {
    use v1::invite_request::Invite;
    let mut scene = Scene::populated();
    scene.act(&person(1), Action::Set { settings: vec![Setting::Join(JoinPolicy::Invitation)] });
    let path = "/api/v1/members/invite";
    let wish = |invite| v1::InviteRequest { invite: Some(invite) };
    let made: v1::InviteResponse =
        scene.call(&person(1), path, &wish(Invite::NewCode(v1::NewCode { uses: 2, lasts_s: 0 })));
    let join = v1::JoinRequest { code: made.code.clone(), ..Default::default() };
    assert_eq!(
        scene.error(&person(8), "/api/v1/join", &v1::JoinRequest::default()).unwrap().code(),
        ErrorCode::NotInvited
    );
    let joined: v1::JoinResponse = scene.call(&person(8), "/api/v1/join", &join);
    assert_eq!(joined.you.unwrap().nick, "P8");
    assert_eq!(scene.error(&person(1), path, &wish(Invite::RevokeCode(made.seq))), None);
    assert_eq!(scene.error(&person(9), "/api/v1/join", &join).unwrap().code(), ErrorCode::BadCode);
    let short = scene.error(&person(1), path, &wish(Invite::IdentityHash(vec![0; 15]))).unwrap();
    assert_eq!((short.code(), short.field.as_str()), (ErrorCode::InvalidField, "identity_hash"));
}

#[test]
fn a_request_waits_until_it_is_approved_or_rejected() {
    let mut scene = Scene::populated();
    scene.act(&person(1), Action::Set { settings: vec![Setting::Join(JoinPolicy::Approval)] });
    let asked: v1::JoinResponse = scene.call(&person(8), "/api/v1/join", &v1::JoinRequest::default());
    assert_eq!((asked.you, asked.waiting, asked.error), (None, 1, None));
    let again = scene.error(&person(8), "/api/v1/join", &v1::JoinRequest::default()).unwrap();
    assert_eq!(again.code(), ErrorCode::Waiting);
    scene.call::<v1::JoinResponse>(&person(9), "/api/v1/join", &v1::JoinRequest::default());
    let requests = v1::MemberRequestsRequest::default();
    let waiting: v1::MemberRequestsResponse = scene.call(&person(1), "/api/v1/members/requests", &requests);
    let waiting: Vec<_> = waiting.applicants.iter().map(|one| (one.number, one.nick.as_str())).collect();
    assert_eq!(waiting, [(1, "P8"), (2, "P9")]);
    let approve = v1::MemberApproveRequest { number: 1 };
    assert_eq!(
        scene.error(&person(2), "/api/v1/members/approve", &approve).unwrap().code(),
        ErrorCode::NoPermission
    );
    assert_eq!(scene.error(&person(1), "/api/v1/members/approve", &approve), None);
    let reject = v1::MemberRejectRequest { number: 2, reason: String::new() };
    assert_eq!(scene.error(&person(1), "/api/v1/members/reject", &reject), None);
    let info: v1::InfoResponse = scene.call(&person(8), "/api/v1/info", &v1::InfoRequest::default());
    assert_eq!(info.you.unwrap().nick, "P8");
}

#[test]
fn what_joining_costs_is_told_in_bits() {
    let mut scene = Scene::populated();
    scene.act(&person(1), Action::Set { settings: vec![Setting::JoinCost(12)] });
    let error = scene.error(&person(8), "/api/v1/join", &v1::JoinRequest::default()).unwrap();
    assert_eq!((error.code(), error.max), (ErrorCode::WorkNeeded, 12));
    let short = v1::JoinRequest { stamp: vec![0; 31], ..Default::default() };
    let error = scene.error(&person(8), "/api/v1/join", &short).unwrap();
    assert_eq!((error.code(), error.field.as_str()), (ErrorCode::InvalidField, "stamp"));
}

#[test]
fn people_are_told_and_choose_what_is_told_of_them() {
    let mut scene = Scene::populated();
    let choose = |key: &str, value: &str| v1::PreferencesRequest {
        set: vec![v1::Preference { key: key.into(), value: value.into() }],
    };
    let path = "/api/v1/preferences";
    let chosen: v1::PreferencesResponse = scene.call(&person(2), path, &choose("presence", "hidden"));
    assert_eq!(
        chosen.preferences.iter().map(|one| one.value.as_str()).collect::<Vec<_>>(),
        ["all", "group", "hidden", "text"]
    );
    let error = scene.error(&person(2), path, &choose("presence", "loud")).unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidField);
    let now = scene.now;
    scene.group.note_heard(now, MemberId(2));
    scene.group.note_heard(now, MemberId(3));
    let there: v1::PresenceResponse =
        scene.call(&person(1), "/api/v1/presence", &v1::PresenceRequest::default());
    assert_eq!(
        there.members.iter().map(|one| (one.member, one.presence())).collect::<Vec<_>>(),
        [(3, v1::Presence::Online)]
    );
    let profile: v1::ProfileResponse =
        scene.call(&person(1), "/api/v1/profile", &v1::ProfileRequest { who: who(2) });
    assert_eq!((profile.nick.as_str(), profile.presence(), profile.heard_s), ("P2", v1::Presence::Hidden, 0));
    let own: v1::ProfileResponse = scene.call(&person(3), "/api/v1/profile", &v1::ProfileRequest::default());
    assert_eq!((own.member, own.presence(), own.heard_s), (3, v1::Presence::Online, now.as_secs()));
}
