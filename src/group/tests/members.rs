//! What members choose for themselves, who is there, and who is removed for silence.

use super::*;

const DAY: u64 = 24 * 3_600;

#[test]
fn members_choose_what_is_pushed_and_whether_they_are_seen() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.reply(2, "/pause"), "For you: push nothing, language en, presence shown.");
    assert_eq!(fixture.reply(2, "/pause"), "It is so already.");
    assert_eq!(fixture.reply(2, "/mode all"), "For you: push all, language en, presence shown.");
    assert_eq!(fixture.reply(2, "/mode language DE"), "For you: push all, language de, presence shown.");
    assert!(fixture.reply(2, "/mode loud").starts_with("It goes like this: /mode all"));
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
