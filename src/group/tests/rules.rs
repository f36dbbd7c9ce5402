//! Roles and moderation, a scenario a feature, as people type it and as actions.

use super::*;

fn fixture() -> Fixture {
    Fixture::with_settings(Settings { capacity: 50, posts_per_minute: 0, ..Settings::default() })
}

fn ends(fixture: &mut Fixture, s: u64) -> Outcome {
    let outcome = fixture.group.handle_timeout(at(s));
    fixture.log.extend(outcome.events.iter().cloned());
    outcome
}

fn is_posted(outcome: &Outcome) -> bool {
    matches!(outcome.events.last().map(|event| &event.kind), Some(EventKind::Posted(_)))
}

#[test]
fn roles_are_given_below_oneself_and_nobody_raises_themselves() {
    let mut fixture = fixture();
    assert_eq!(fixture.reply(1, "/role P2 admin"), "P2 is admin now.");
    assert_eq!(fixture.role(2), Some(Role::Admin));
    assert_eq!(fixture.reply(2, "/role Bob Smith moderator"), "Bob Smith is moderator now.");
    for (n, text) in [
        (2, "/role P2 owner"),
        (2, "/role Bob Smith admin"),
        (2, "/role Bob Smith owner"),
        (2, "/role P1 member"),
        (3, "/role P2 reader"),
        (3, "/role Bob Smith admin"),
        (2, "/role Bob Smith +delete-group"),
        (3, "/role Bob Smith +settings"),
    ] {
        assert_eq!(fixture.reply(n, text), "You may not do that.", "{n} {text}");
    }
    assert_eq!(fixture.reply(1, "/role P2 emperor"), "Nothing found by that name or number.");
    assert_eq!(fixture.reply(2, "/role P2 member"), "P2 is member now.", "stepping down is everybody's");
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn the_last_owner_names_another_before_they_go() {
    let mut fixture = fixture();
    let told = "You are the only owner. Name another first: /role WHO owner. Then it works.";
    assert_eq!(fixture.reply(1, "/leave"), told);
    assert_eq!(fixture.reply(1, "/role P1 member"), told);
    assert_eq!(fixture.reply(1, "/role P2 owner"), "P2 is owner now.");
    assert!(fixture.reply(1, "/leave").starts_with("You left Harbour"));
    assert_eq!(fixture.reply(2, "/leave"), told);
    let who = Who::Identity(identity(2).hash());
    let demote = Action::AssignRole { who, role: RoleRef::Role(Role::Reader) };
    assert!(fixture.act_as(&Caller::Operator, demote).is_ok(), "the operator always can");
}

#[test]
fn single_permissions_stand_beside_the_role_and_end_with_membership() {
    let mut fixture = fixture();
    assert!(fixture.reply(1, "/role P2 +kick -post").contains("kick"));
    assert_eq!(fixture.act(2, post("hi")), Err(Refusal::NoPermission));
    assert_eq!(fixture.reply(2, "/kick Bob Smith"), "You may not do that.", "of their own rank");
    fixture.reply(1, "/role Bob Smith reader");
    assert_eq!(fixture.reply(2, "/kick Bob Smith"), "Bob Smith is out and may join again.");
    fixture.reply(1, "/role P2 =kick =post");
    assert!(fixture.act(2, post("hi")).is_ok());
    fixture.reply(1, "/role P2 +kick");
    fixture.act(2, Action::Leave).unwrap();
    fixture.act(2, Action::Join { nick: None, pass: Pass::None }).unwrap();
    let member = fixture.group.member_of(&person(2)).unwrap();
    assert!(member.granted.is_empty() && member.revoked.is_empty());
}

#[test]
fn a_role_that_the_group_made_can_be_changed_and_given_up() {
    let mut fixture = fixture();
    let define = |role, permissions: &[Permission], rank| Action::DefineRole {
        role,
        name: "Night watch".into(),
        permissions: Permissions::of(permissions),
        rank,
        quiet: false,
    };
    fixture.act(1, define(None, &[Permission::Post, Permission::Kick], 40)).unwrap();
    assert_eq!(fixture.act(1, define(None, &[], 40)), Err(Refusal::NickTaken));
    assert_eq!(fixture.reply(1, "/role P2 night-watch"), "P2 is Night-watch now.");
    assert!(fixture.act(2, kick(Who::Identity(identity(3).hash()))).is_ok());
    let watch = || RoleRef::Role(Role::Custom(16));
    fixture.act(1, define(Some(watch()), &[Permission::Post], 40)).unwrap();
    assert_eq!(fixture.act(2, kick(Who::Text("P1".into()))), Err(Refusal::NoPermission));
    for rank in [0, 100, 255] {
        assert_eq!(fixture.act(1, define(Some(watch()), &[], rank)), Err(Refusal::NoPermission), "{rank}");
    }
    assert_eq!(
        fixture.act(1, Action::DeleteRole { role: RoleRef::Role(Role::Admin) }),
        Err(Refusal::NoPermission)
    );
    fixture.act(1, Action::DeleteRole { role: watch() }).unwrap();
    assert_eq!(fixture.role(2), Some(Role::Member));
    let mut made = 0;
    while fixture
        .act(
            1,
            Action::DefineRole {
                role: None,
                name: format!("role-{made}-x"),
                permissions: Permissions::NONE,
                rank: 5,
                quiet: false,
            },
        )
        .is_ok()
    {
        made += 1;
    }
    assert_eq!(made, usize::from(CUSTOM_ROLES_MAX), "their number is bounded");
}

#[test]
fn a_mute_ends_by_itself_at_its_time_and_leaving_is_no_way_around_it() {
    let mut fixture = fixture();
    let outcome = fixture.say(at(0), 1, "/mute P2 2h being loud");
    assert_eq!(outcome.reply.as_deref(), Some("P2 is muted for 2h."));
    assert!(outcome.notices[0].text.ends_with("Reason: being loud."), "{outcome:?}");
    let muted = Refusal::Muted { reason: "being loud".into(), retry_after_s: Some(7_200) };
    assert_eq!(fixture.act(2, post("hi")), Err(muted.clone()));
    let react = || Action::React { target: OF_OTHER, reaction: "👍".into(), remove: false };
    assert_eq!(fixture.act(2, react()), Err(muted.clone()));
    fixture.act(2, Action::Leave).unwrap();
    fixture.act(2, Action::Join { nick: Some("Other".into()), pass: Pass::None }).unwrap();
    assert_eq!(fixture.act(2, post("hi")), Err(muted));
    assert_eq!(fixture.group.poll_timeout(), Some(at(7_200)));
    assert_eq!(ends(&mut fixture, 7_199), Outcome::default());
    let over = ends(&mut fixture, 7_200);
    assert!(matches!(over.events[0].kind, EventKind::Unmuted { expired: true, .. }), "the end is an event");
    assert_eq!(over.notices[0].text, "You may post in Harbour again.");
    assert!(is_posted(&fixture.say(at(7_200), 2, "hi")));
    assert_eq!(fixture.group.poll_timeout(), None, "nothing is left to wake for");
    fixture.reply(1, "/mute Other");
    assert_eq!(fixture.reply(1, "/unmute other"), "Other may speak again.");
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn a_ban_with_an_end_holds_until_then_under_whatever_nick() {
    let mut fixture = fixture();
    assert_eq!(fixture.reply(1, "/ban P2 1d spam"), "P2 is banned for 24h.");
    assert_eq!(fixture.reply(2, "/join Somebody Else"), "You are banned. Reason: spam.");
    let over = ends(&mut fixture, 86_400);
    assert!(matches!(over.events[0].kind, EventKind::Unbanned { expired: true, .. }));
    assert!(fixture.reply(2, "/join").starts_with("Welcome"));
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn slow_and_read_only_mode_are_not_for_the_staff() {
    let mut fixture = fixture();
    assert_eq!(fixture.reply(1, "/slow 30"), "Set: slow-mode=30");
    assert!(is_posted(&fixture.say(at(10), 2, "one")));
    let wait = fixture.say(at(11), 2, "two").reply.unwrap();
    assert!(wait.contains("in 29 s"), "{wait}");
    assert!(is_posted(&fixture.say(at(11), 3, "others are not slowed by it")));
    assert!(is_posted(&fixture.say(at(40), 2, "three")));
    for text in ["one", "two"] {
        assert!(is_posted(&fixture.say(at(41), 1, text)), "the owner");
    }
    assert_eq!(fixture.reply(1, "/slow off"), "Set: slow-mode=0");
    assert_eq!(fixture.reply(1, "/readonly on"), "Set: read-only=on");
    assert_eq!(fixture.act(2, post("hi")), Err(Refusal::ReadOnly));
    assert!(fixture.act(1, post("hi")).is_ok());
}

#[test]
fn the_first_posts_of_a_newcomer_wait_and_are_let_through_or_refused() {
    let mut fixture = fixture();
    fixture.reply(1, "/set hold-first 2");
    fixture.reply(1, "/role Bob Smith moderator");
    let held = fixture.say(at(0), 2, "buy this");
    assert_eq!(held.reply.as_deref(), Some("Your message waits as #1 until somebody lets it through."));
    let told: Vec<_> = held.notices.iter().map(|notice| notice.to.hash()).collect();
    assert_eq!(told, [identity(1).hash(), identity(3).hash()], "those who may approve, the highest first");
    assert_eq!(held.notices[0].text, "#1 waits (newcomer). P2: buy this. /ok or /no with its number");
    assert!(fixture.reply(3, "/held").contains("#1 (newcomer) P2: buy this"));
    let refused = fixture.say(at(0), 3, "/no 1 no adverts");
    assert_eq!(refused.notices[0].text, "#1, which you sent, was refused. Reason: no adverts.");
    assert_eq!(fixture.reply(3, "/ok 1"), "Nothing found by that name or number.");
    for number in [2, 3] {
        fixture.reply(2, "hello");
        let passed = fixture.say(at(0), 3, &format!("/ok {number}"));
        assert!(is_posted(&passed));
        assert_eq!(passed.events[1].actor, Some(fixture.member(2)), "under its author's name");
    }
    assert!(is_posted(&fixture.say(at(0), 2, "no newcomer any more")));
    assert_eq!(fixture.reply(3, "/held"), "Nothing waits.");
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn what_filters_find_waits_and_an_edit_is_no_way_around_them() {
    let mut fixture = fixture();
    fixture.reply(1, "/set hold-words casino");
    fixture.reply(1, "/set hold-links on");
    for text in ["the C\u{430}s1no is open", "see https://example.org"] {
        assert!(fixture.reply(2, text).starts_with("Your message waits"), "{text}");
    }
    let posted = fixture.act(2, post("harmless")).unwrap().seq().unwrap();
    let edit = Action::Edit { target: posted, text: "casino".into() };
    assert_eq!(fixture.act(2, edit), Err(Refusal::MustWait));
    assert_eq!(
        fixture.reply(1, "/set hold-patterns (a"),
        "hold-patterns takes a regular expression on each line, at most 1000 characters."
    );
    assert!(is_posted(&fixture.say(at(0), 1, "the casino")), "the staff is not looked through");
    fixture.act(2, Action::Leave).unwrap();
    assert!(fixture.group.state().pending.is_empty(), "what is of nobody waits for nobody");
}

#[test]
fn the_queue_is_bounded_by_member_and_its_fullness_is_told() {
    let mut fixture = fixture();
    fixture.reply(1, "/set hold-links on");
    for _ in 0..PENDING_EACH_MAX {
        assert!(fixture.act(2, post("https://example.org")).is_ok());
    }
    assert_eq!(fixture.act(2, post("https://example.org")), Err(Refusal::Full { max: PENDING_MAX }));
    assert!(fixture.act(3, post("https://example.org")).is_ok());
}

#[test]
fn all_together_have_a_bucket_too() {
    let settings =
        Settings { posts_per_minute: 0, group_posts_per_minute: 3, capacity: 50, ..Settings::default() };
    let mut fixture = Fixture::with_settings(settings);
    for n in [1, 2, 3] {
        fixture.act(n, post("hi")).unwrap();
    }
    assert_eq!(fixture.act(1, post("hi")), Err(Refusal::RateLimited { retry_after_s: 20 }));
}

#[test]
fn a_report_reaches_the_staff_and_names_only_what_the_member_can_read() {
    let mut fixture = fixture();
    fixture.reply(1, "/role Bob Smith moderator");
    let outcome = fixture.say(at(0), 2, "/report Bob Smith he is rude");
    assert_eq!(outcome.reply.as_deref(), Some("The staff is told."));
    assert_eq!(outcome.notices.len(), 2);
    assert_eq!(outcome.notices[0].text, "P2 reports Bob Smith. Reason: he is rude.");
    let posted = fixture.act(3, post("hi")).unwrap().seq().unwrap();
    let outcome = fixture.say(at(0), 2, &format!("/report {posted} spam"));
    assert!(outcome.notices[0].text.starts_with(&format!("P2 reports message {posted} of Bob Smith.")));
    for forged in [0, 4, 999_999, u64::MAX] {
        assert_eq!(fixture.reply(2, &format!("/report {forged} x")), "Nothing found by that name or number.");
    }
    let staff_only = Draft { audience: Audience::staff(), ..Draft::text("secret") };
    let secret = fixture.act(1, Action::Post(staff_only)).unwrap().seq().unwrap();
    assert_eq!(fixture.reply(2, &format!("/report {secret}")), "Nothing found by that name or number.");
}

#[test]
fn a_clean_up_leaves_a_tombstone_for_each_and_spares_those_above() {
    let mut fixture = fixture();
    fixture.reply(1, "/role Bob Smith moderator");
    let by_owner = fixture.act(1, post("mine")).unwrap().seq().unwrap();
    let by_member = fixture.act(2, post("spam")).unwrap().seq().unwrap();
    let what = CleanUp { bytes_min: Some(1), ..CleanUp::default() };
    let matching =
        vec![(by_owner, Some(MemberId(1))), (by_member, Some(MemberId(2))), (Seq(2), Some(MemberId(2)))];
    let known = Known { matching, ..Known::default() };
    let clean = Action::CleanUp { what, reason: "spam".into() };
    let outcome = fixture.group.decide_knowing(at(0), &person(3), clean, &known).unwrap();
    let targets: Vec<_> = outcome.events[1..].iter().map(|event| event.kind.clone()).collect();
    assert_eq!(targets, [by_member, Seq(2)].map(|target| EventKind::Deleted { target, in_clean_up: true }));
    let of_owner = Action::CleanUp {
        what: CleanUp { author: Some(MemberId(1)), ..CleanUp::default() },
        reason: String::new(),
    };
    assert_eq!(fixture.act(3, of_owner), Err(Refusal::NoPermission));
    let nothing = Action::CleanUp { what: CleanUp::default(), reason: String::new() };
    assert_eq!(fixture.act(1, nothing), Err(Refusal::Empty));
}

#[test]
fn the_audit_log_is_told_in_one_packet_to_those_who_may_read_it() {
    let mut fixture = fixture();
    let from = fixture.log.len();
    fixture.reply(1, "/mute P2 2h loud");
    fixture.reply(1, "/role Bob Smith moderator");
    fixture.reply(1, "/kick P2 again");
    let acts: Vec<_> = fixture.log[from..].iter().rev().cloned().collect();
    let known = Known { acts, ..Known::default() };
    let tell = |fixture: &mut Fixture, n| {
        fixture.group.handle_text(at(60), &person(n), incoming("/audit", 99), &known).reply.unwrap()
    };
    assert_eq!(
        tell(&mut fixture, 1),
        "60s ago P1 kicked somebody who left (again); 60s ago P1 made Bob Smith moderator; \
         60s ago P1 muted P2 (loud)"
    );
    assert_eq!(tell(&mut fixture, 3), "You may not do that.", "moderators do not read it");
    let audit = |n, text| {
        fixture.group.needs_of_text(at(0), &person(n), &incoming(text, 1)).acts.map(|acts| acts.before)
    };
    assert_eq!(
        (audit(1, "/audit"), audit(1, "/audit #7"), audit(3, "/audit")),
        (Some(None), Some(Some(Seq(7))), None)
    );
}

#[test]
fn look_alike_nicks_are_taken_and_direction_marks_vanish() {
    let mut fixture = fixture();
    for nick in ["\u{420}2", "p2", "P\u{200b}2", "\u{202e}P2", "Ｐ２", "𝐏2"] {
        let refused = fixture.act(3, Action::Rename { nick: nick.into() });
        assert_eq!(refused, Err(Refusal::NickTaken), "{nick}");
    }
    fixture.act(5, Action::Join { nick: Some("В\u{43e}b Smith".into()), pass: Pass::None }).unwrap();
    let nick = &fixture.group.member_of(&person(5)).unwrap().nick;
    assert!(nick.contains('~'), "{nick}");
}
