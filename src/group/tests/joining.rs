//! Coming in: every policy, every answer, through text and as actions.

use super::*;

fn join() -> Action {
    Action::Join { nick: None, pass: Pass::None }
}

fn with(pass: Pass) -> Action {
    Action::Join { nick: None, pass }
}

fn by_code(code: &InviteCode) -> Action {
    with(Pass::Code(code.to_string()))
}

/// A group of that policy with room enough, and person 1 as owner.
fn fixture(policy: JoinPolicy) -> Fixture {
    let mut fixture = Fixture::with_settings(Settings { capacity: 100, ..Settings::default() });
    fixture.group = fixture.group.with_seed([7; 32]);
    if policy != JoinPolicy::Open {
        fixture.act(1, Action::Set { settings: vec![Setting::Join(policy)] }).unwrap();
    }
    fixture
}

fn issue(fixture: &mut Fixture, uses: u32, hours: Option<u64>) -> (InviteCode, Seq) {
    let lasts = hours.map(|hours| Duration::from_secs(hours * 3_600));
    let outcome = fixture.act(1, Action::IssueCode { uses, lasts }).unwrap();
    (outcome.code.clone().unwrap(), outcome.seq().unwrap())
}

#[test]
fn a_closed_group_takes_nobody_in_whatever_they_show() {
    let mut fixture = fixture(JoinPolicy::Closed);
    let (code, _) = issue(&mut fixture, 1, None);
    fixture.act(1, Action::Invite { identity: identity(5).hash() }).unwrap();
    for action in [join(), by_code(&code), with(Pass::Work { bits: 30 })] {
        assert_eq!(fixture.act(5, action), Err(Refusal::Closed));
    }
    assert_eq!(fixture.reply(6, "/join"), "This group takes nobody in.");
}

#[test]
fn who_is_invited_comes_in_and_is_told_once() {
    let mut fixture = fixture(JoinPolicy::Invitation);
    assert_eq!(fixture.act(5, join()), Err(Refusal::NotInvited));
    let person = identity(5);
    assert_eq!(fixture.act(2, Action::Invite { identity: person.hash() }), Err(Refusal::NoPermission));
    fixture.act(1, Action::Invite { identity: person.hash() }).unwrap();
    assert_eq!(fixture.act(1, Action::Invite { identity: person.hash() }), Err(Refusal::Already));
    let notice = fixture.group.invitation_for(&person).unwrap();
    assert_eq!(
        notice.text,
        "You are invited to Harbour by P1. Send /join to come in. Members see your name and your address."
    );
    fixture.log.extend(fixture.group.note_invitation_told(at(1), person.hash()));
    assert_eq!(fixture.group.invitation_for(&person), None);
    fixture.act(5, join()).unwrap();
    let member = fixture.group.member_of(&self::person(5)).unwrap();
    assert_eq!(member.invited_by, Some(MemberId(1)));
    assert!(fixture.group.state().invitations.people.is_empty(), "an invitation is for one time");
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn an_invitation_can_be_taken_back_and_the_list_is_bounded() {
    let mut fixture = fixture(JoinPolicy::Invitation);
    let stranger = |n: u32| IdentityHash::of(&[&n.to_be_bytes()]);
    for n in 0..INVITED_MAX as u32 {
        fixture.act(1, Action::Invite { identity: stranger(n) }).unwrap();
    }
    let more = Action::Invite { identity: stranger(9_999) };
    assert_eq!(fixture.act(1, more.clone()), Err(Refusal::Full { max: INVITED_MAX }));
    fixture.act(1, Action::Uninvite { identity: stranger(3) }).unwrap();
    assert_eq!(fixture.act(1, Action::Uninvite { identity: stranger(3) }), Err(Refusal::NotFound));
    fixture.act(1, more).unwrap();
    assert!(matches!(
        fixture.act(1, Action::Invite { identity: identity(9).hash() }),
        Err(Refusal::Banned { .. })
    ));
}

#[test]
fn a_code_lets_in_as_many_as_it_says_and_as_long_as_it_says() {
    let mut fixture = fixture(JoinPolicy::Invitation);
    let (code, number) = issue(&mut fixture, 2, Some(1));
    assert_eq!(fixture.act(5, with(Pass::Code("AAAAA-AAAAA".into()))), Err(Refusal::BadCode));
    fixture.act(5, by_code(&code)).unwrap();
    assert_eq!(fixture.group.member_of(&person(5)).unwrap().invited_by, Some(MemberId(1)));
    assert_eq!(
        fixture.reply(6, &format!("/join {} Zoe", code.to_string().to_lowercase())).split('.').nth(1),
        Some(" You are Zoe; 4 others read what you write")
    );
    assert_eq!(fixture.act(7, by_code(&code)), Err(Refusal::CodeUsedUp));
    let (late, _) = issue(&mut fixture, 9, Some(1));
    let outcome = fixture.group.decide(at(3_600), &person(7), by_code(&late));
    assert_eq!(outcome, Err(Refusal::CodeExpired));
    fixture.act(1, Action::RevokeCode { number }).unwrap();
    let outcome = fixture.group.decide(at(3_601), &person(7), by_code(&code));
    assert_eq!(outcome, Err(Refusal::BadCode));
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn codes_are_bounded_and_spent_ones_make_room() {
    let mut fixture = fixture(JoinPolicy::Invitation);
    let (first, _) = issue(&mut fixture, 1, None);
    for _ in 1..CODES_MAX {
        issue(&mut fixture, 1, None);
    }
    let more = Action::IssueCode { uses: 1, lasts: None };
    assert_eq!(fixture.act(1, more.clone()), Err(Refusal::Full { max: CODES_MAX }));
    fixture.act(5, by_code(&first)).unwrap();
    fixture.act(1, more).unwrap();
    assert_eq!(fixture.group.state().invitations.codes.len(), CODES_MAX);
}

#[test]
fn codes_cannot_be_guessed_by_trying() {
    let mut fixture = fixture(JoinPolicy::Invitation);
    let tries = (0..100).map(|n| fixture.act(5, with(Pass::Code(format!("AAAAA-AAA{n:02}")))));
    let looked_at = tries.filter(|tried| *tried == Err(Refusal::BadCode)).count();
    assert_eq!(looked_at, 10);
}

#[test]
fn approval_reaches_those_who_may_and_is_answered_by_message() {
    let mut fixture = fixture(JoinPolicy::Approval);
    let outcome = fixture.say(at(1), 5, "/join Eve");
    assert_eq!(
        outcome.reply.as_deref(),
        Some("Somebody has to let you in. Your request is #1; you will be told.")
    );
    let [notice] = outcome.notices.as_slice() else { panic!("{:?}", outcome.notices) };
    assert_eq!(notice.to.hash(), identity(1).hash());
    assert!(
        notice.text.starts_with("#1: Eve (") && notice.text.ends_with("/ok 1 or /no 1 REASON"),
        "{}",
        notice.text
    );
    assert_eq!(fixture.act(5, join()), Err(Refusal::Waiting { number: PendingId(1) }));
    assert_eq!(fixture.reply(2, "/ok 1"), "You may not do that.");
    assert!(fixture.reply(1, "/held").contains("#1 Eve wants to come in"));

    let outcome = fixture.say(at(2), 1, "/ok 1");
    let [welcome] = outcome.notices.as_slice() else { panic!("{:?}", outcome.notices) };
    assert!(
        welcome.to.hash() == identity(5).hash()
            && welcome.text.starts_with("Welcome to Harbour. You are Eve")
    );
    assert!(fixture.group.member_of(&person(5)).is_some());

    assert!(fixture.reply(6, "/join").contains("#2"));
    let outcome = fixture.say(at(3), 1, "/no 2 we do not know you");
    assert_eq!(outcome.notices[0].text, "You were not let into Harbour. Reason: we do not know you.");
    assert_eq!(fixture.act(1, Action::Approve { number: PendingId(2) }), Err(Refusal::NotFound));
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn who_is_banned_or_comes_in_otherwise_no_longer_waits() {
    let mut fixture = fixture(JoinPolicy::Approval);
    let (code, _) = issue(&mut fixture, 1, None);
    fixture.act(5, join()).unwrap();
    fixture.act(6, join()).unwrap();
    fixture.act(5, by_code(&code)).unwrap();
    fixture.act(1, ban(Who::Identity(identity(6).hash()))).unwrap();
    assert!(fixture.group.state().pending.is_empty());
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn joining_costs_the_work_that_is_set_and_the_invited_pay_nothing() {
    let mut fixture = fixture(JoinPolicy::Open);
    fixture.act(1, Action::Set { settings: vec![Setting::JoinCost(12)] }).unwrap();
    assert_eq!(fixture.act(5, join()), Err(Refusal::WorkNeeded { bits: 12 }));
    let weak = with(Pass::Work { bits: 11 });
    assert_eq!(fixture.act(5, weak), Err(Refusal::StampWeak { needed: 12, found: 11 }));
    let unchecked = JoinStamp { day: join_day(at(0)), stamp: [0; 32] };
    assert_eq!(fixture.act(5, with(Pass::Stamp(unchecked))), Err(Refusal::WorkNeeded { bits: 12 }));
    fixture.act(5, with(Pass::Work { bits: 12 })).unwrap();
    fixture.act(1, Action::Invite { identity: identity(6).hash() }).unwrap();
    fixture.act(6, join()).unwrap();
}

#[test]
fn a_stamp_is_only_looked_at_where_nothing_else_keeps_somebody_out() {
    let mut fixture = fixture(JoinPolicy::Open);
    let fresh = JoinStamp { day: join_day(at(0)), stamp: [0; 32] };
    let stale = JoinStamp { day: join_day(at(0)) - 2, ..fresh };
    let group = &mut fixture.group;
    assert_eq!(group.stamp_to_check(at(0), &person(5), &fresh), Ok(false), "joining is free");
    fixture.act(1, Action::Set { settings: vec![Setting::JoinCost(12)] }).unwrap();
    let group = &mut fixture.group;
    assert_eq!(group.stamp_to_check(at(0), &person(5), &stale), Err(Refusal::StampStale));
    assert_eq!(group.stamp_to_check(at(0), &person(2), &fresh), Err(Refusal::Already));
    assert!(matches!(group.stamp_to_check(at(0), &person(9), &fresh), Err(Refusal::Banned { .. })));
    let checks = (0..100).filter(|_| group.stamp_to_check(at(0), &person(5), &fresh) == Ok(true)).count();
    assert_eq!(checks, 6);
}

#[test]
fn somebody_without_a_name_is_asked_for_one() {
    let mut fixture = fixture(JoinPolicy::Open);
    let nameless = Caller::Identity { identity: identity(5), announced_name: None };
    assert_eq!(fixture.act_as(&nameless, join()), Err(Refusal::NameNeeded));
    let invisible = Action::Join { nick: Some("\u{200b}".into()), pass: Pass::None };
    assert_eq!(fixture.act_as(&nameless, invisible), Err(Refusal::NameNeeded));
    let named = Action::Join { nick: Some("Eve".into()), pass: Pass::None };
    fixture.act_as(&nameless, named).unwrap();
}

#[test]
fn ten_thousand_who_ask_cost_a_bounded_number_of_events() {
    let mut fixture = fixture(JoinPolicy::Approval);
    let before = fixture.log.len();
    let mut rng = reticulum::crypto::Rng::from_seed([1; 32]);
    for _ in 0..10_000 {
        let identity = Arc::new(reticulum::crypto::Identity::generate(&mut rng).public().clone());
        let caller = Caller::Identity { identity, announced_name: Some("Flood".into()) };
        let outcome = fixture.group.decide(at(0), &caller, join());
        fixture.log.extend(outcome.map(|outcome| outcome.events).unwrap_or_default());
    }
    assert_eq!(fixture.log.len() - before, PENDING_JOINS_MAX);
    assert_eq!(fixture.group.state().pending.len(), PENDING_JOINS_MAX);
}

#[test]
fn members_ask_what_the_group_is() {
    let mut fixture = fixture(JoinPolicy::Open);
    assert_eq!(fixture.reply(2, "/topic"), "There is no topic.");
    assert_eq!(fixture.reply(1, "/topic Low tide"), "Set: topic=Low tide");
    assert_eq!(fixture.reply(2, "/topic"), "Low tide");
    assert_eq!(fixture.reply(2, "/topic High tide"), "You may not do that.");
    assert_eq!(fixture.reply(1, "/rename Quay"), "Set: name=Quay");
    assert_eq!(
        fixture.reply(2, "/info"),
        "Quay (group), 3 members, 0 messages. Low tide They can copy it, and this node keeps it."
    );
    assert!(fixture.reply(2, "/who P1").starts_with("#1 P1 (owner). Identity "));
}

#[test]
fn in_a_channel_members_read_and_those_with_a_role_or_a_grant_post() {
    let mut fixture = fixture(JoinPolicy::Open);
    fixture.act(1, Action::Set { settings: vec![Setting::Kind(Kind::Channel)] }).unwrap();
    assert_eq!(fixture.act(2, post("hi")), Err(Refusal::NoPermission));
    fixture.act(1, post("news")).unwrap();
    fixture.reply(1, "/role P2 +post");
    fixture.act(2, post("hi")).unwrap();
    fixture.act(1, Action::Set { settings: vec![Setting::Kind(Kind::Group)] }).unwrap();
    fixture.act(3, post("hi")).unwrap();
}

#[test]
fn of_ten_thousand_without_work_nobody_comes_in_and_no_event_or_check_comes_of_them() {
    let mut fixture = fixture(JoinPolicy::Open);
    fixture.act(1, Action::Set { settings: vec![Setting::JoinCost(12)] }).unwrap();
    let before = fixture.group.state().clone();
    let now = at(86_400 * 3);
    let today = join_day(now);
    let mut rng = Rng::from_seed([9; 32]);
    let mut anybody = || {
        let identity = Arc::new(reticulum::crypto::Identity::generate(&mut rng).public().clone());
        Caller::Identity { identity, announced_name: Some("Anybody".to_owned()) }
    };
    for n in 0..10_000u32 {
        let caller = anybody();
        if n % 2 == 0 {
            let refused = fixture.group.decide(now, &caller, join());
            assert_eq!(refused, Err(Refusal::WorkNeeded { bits: 12 }));
        } else {
            let day = if n % 4 == 1 { today - 2 } else { today + 1 };
            let stamp = JoinStamp { day, stamp: [0; JOIN_STAMP_LEN] };
            assert_eq!(fixture.group.stamp_to_check(now, &caller, &stamp), Err(Refusal::StampStale));
        }
    }
    assert_eq!(fixture.group.state(), &before);
    let yesterday = JoinStamp { day: today - 1, stamp: [0; JOIN_STAMP_LEN] };
    assert_eq!(
        fixture.group.stamp_to_check(now, &anybody(), &yesterday),
        Ok(true),
        "an honest one is looked at"
    );
}
