//! What members choose for themselves, who is there, and who is removed for silence.

use super::*;

const DAY: u64 = 24 * 3_600;

#[test]
fn members_choose_what_is_pushed_and_whether_they_are_seen() {
    let mut fixture = Fixture::new();
    assert_eq!(
        fixture.reply(2, "/pause"),
        "For you: push nothing, language group, presence shown, reactions text."
    );
    assert_eq!(fixture.reply(2, "/pause"), "It is so already.");
    assert_eq!(
        fixture.reply(2, "/mode all"),
        "For you: push all, language group, presence shown, reactions text."
    );
    assert_eq!(
        fixture.reply(2, "/mode language DE"),
        "Für dich: push all, language de, presence shown, reactions text."
    );
    assert!(fixture.reply(2, "/mode loud").starts_with("Das geht so: /modus all"));
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
    fixture.act(2, Action::Leave).unwrap();
    fixture.act(2, Action::Join { nick: None, pass: Pass::None }).unwrap();
    let member = fixture.group.member_of(&person(2)).unwrap();
    assert_eq!(member.preferences, Preferences::default(), "who comes back begins anew");
}

#[test]
fn who_is_there_is_told_to_members_unless_they_hide() {
    let mut fixture = Fixture::new();
    let (first, second) = (fixture.member(1), fixture.member(2));
    fixture.group.note_heard(at(1_000), first);
    fixture.group.note_heard(at(10), second);
    let who = |fixture: &mut Fixture| fixture.say(at(1_001), 1, "/who").reply.unwrap();
    assert_eq!(who(&mut fixture), "1 of 3 are here: P1. 1 heard today: P2.");
    fixture.group.note_link(second, true);
    assert_eq!(who(&mut fixture), "2 of 3 are here: P1, P2. 0 heard today: .");
    fixture.reply(2, "/mode presence hidden");
    assert_eq!(who(&mut fixture), "1 of 3 are here: P1. 0 heard today: .");
    let hidden = fixture.group.member_of(&person(2)).unwrap();
    assert_eq!(fixture.group.last_heard(at(1_001), hidden), None);
}

#[test]
fn silent_members_are_removed_after_the_days_that_are_set_and_told_why() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.group.poll_timeout(), None);
    fixture.act(1, Action::Set { settings: vec![Setting::IdleDays(30)] }).unwrap();
    let end = fixture.group.poll_timeout().unwrap();
    assert_eq!(end.as_secs(), at(30 * DAY).as_secs());
    let third = fixture.member(3);
    fixture.group.note_heard(at(29 * DAY), third);
    let outcome = fixture.group.handle_timeout(at(31 * DAY));
    fixture.log.extend(outcome.events.iter().cloned());
    let [notice] = outcome.notices.as_slice() else { panic!("{:?}", outcome.notices) };
    assert_eq!(notice.to.hash(), identity(2).hash());
    assert!(notice.text.contains("not heard for 30 days"), "{}", notice.text);
    assert!(fixture.group.member_of(&person(2)).is_none());
    assert!(fixture.group.member_of(&person(1)).is_some(), "the owner stays, however silent");
    assert!(fixture.group.member_of(&person(3)).is_some(), "who was heard stays");
    assert_eq!(fixture.group.poll_timeout().unwrap().as_secs(), at(59 * DAY).as_secs());
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn everybody_is_answered_in_their_language_or_else_in_that_of_the_group() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.reply(1, "/set language de"), "Set: language=de");
    assert_eq!(
        fixture.reply(2, "/dance"),
        "Diesen Befehl gibt es nicht, und niemand sonst hat ihn gesehen. /hilfe zählt sie auf."
    );
    assert_eq!(fixture.reply(2, "/kick P1"), "Das darfst du nicht.");
    assert!(fixture.reply(7, "hello").starts_with("Harbour ist eine Gruppe"), "strangers too");
    assert!(fixture.reply(2, "/mode language en").starts_with("For you: "));
    assert_eq!(fixture.reply(2, "/kick P1"), "You may not do that.");
    // Each of those who are told of a report in their own language.
    fixture.reply(1, "/role P2 moderator");
    let notices = fixture.say(at(0), 3, "/melden P1 laut").notices;
    let told: Vec<&str> = notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(told, ["Bob Smith meldet P1. Grund: laut.", "Bob Smith reports P1. Reason: laut."]);
    assert_eq!(
        fixture.say(at(0), 1, "/kick P2 spam").notices[0].text,
        "You were removed from Harbour. Reason: spam. /join to come back."
    );
}

#[test]
fn staff_cleans_up_and_makes_roles_by_text() {
    let mut fixture = Fixture::new();
    assert_eq!(
        fixture.reply(1, "/role create night-watch 15 post react mute"),
        "Role night-watch may: post, react, mute."
    );
    assert_eq!(fixture.reply(1, "/role P2 night-watch"), "P2 is night-watch now.");
    assert_eq!(
        fixture.reply(1, "/role delete night-watch"),
        "There is no role night-watch any more; who had it is reader."
    );
    assert_eq!(fixture.reply(2, "/role create x 15 post"), "You may not do that.");
    assert_eq!(fixture.reply(1, "/role create x 15 sing"), "Nothing found by that name or number.");
    assert!(fixture.reply(1, "/stats").starts_with("3 members, "));
    let needs = |fixture: &Fixture, text: &str| {
        let matching = fixture.group.needs_of_text(at(3 * DAY), &person(1), &incoming(text, 1)).matching;
        matching.map(|what| (what.author, what.since, what.before))
    };
    let second = Some(fixture.member(2));
    assert_eq!(needs(&fixture, "/cleanup older 1d"), Some((None, None, Some(at(2 * DAY)))));
    assert_eq!(needs(&fixture, "/cleanup P2 2d spam"), Some((second, Some(at(DAY)), None)));
    assert_eq!(needs(&fixture, "/cleanup nobody"), None);
    let known = Known { matching: vec![(fixture.group.state().head, None)], ..Known::default() };
    let cleaned =
        fixture.group.handle_text(at(3 * DAY), &person(1), incoming("/cleanup older 1d", 9), &known);
    assert_eq!(cleaned.reply.as_deref(), Some("1 messages deleted."));
}
