//! What is changed of members, by themselves and by those who keep order, through every door.

use proto::v1::{self, ErrorCode};

use super::groups::{ALICE, BOB, ask, say};
use super::moderation::{joined, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

const UPDATE: &str = "/api/v1/members/update";

fn named(nick: &str) -> Option<v1::Who> {
    Some(v1::Who { who: Some(v1::who::Who::Name(nick.to_owned())) })
}

fn renaming(who: &str, nick: &str) -> v1::MemberUpdateRequest {
    v1::MemberUpdateRequest { who: named(who), nick: nick.to_owned(), ..Default::default() }
}

fn has_heard(sim: &mut Sim<Participant>, who: usize, text: &str) -> bool {
    sim.stations[who].person().inbox.iter().any(|heard| heard == text)
}

#[test]
fn the_staff_changes_several_things_of_a_member_at_once_or_none_and_it_stands_in_the_audit_log() {
    let (mut sim, group) = joined();
    let refused: v1::MemberUpdateResponse = ask(&mut sim, ALICE, group, UPDATE, &renaming("Bob", "Spammer"));
    assert_eq!(refused.error.map(|error| error.code()), Some(ErrorCode::NoPermission));
    let moderator = Some(v1::Role::Moderator.into());
    let both = v1::MemberUpdateRequest { role: moderator, ..renaming("Alice", "Alicia") };
    let updated: v1::MemberUpdateResponse = operate(&mut sim, UPDATE, &both);
    let member = updated.member.expect("a member");
    assert_eq!((member.nick.as_str(), member.role()), ("Alicia", v1::Role::Moderator));
    assert_eq!(updated.seq, sim.stations[super::groups::NODE].group().host.group().state().head.0);

    // A moderator may rename, but not give roles: so neither happens.
    let more = v1::MemberUpdateRequest { role: moderator, ..renaming("Bob", "Rob") };
    let refused: v1::MemberUpdateResponse = ask(&mut sim, ALICE, group, UPDATE, &more);
    assert_eq!(refused.error.map(|error| error.code()), Some(ErrorCode::NoPermission));
    let taken: v1::MemberUpdateResponse = ask(&mut sim, ALICE, group, UPDATE, &renaming("Bob", "Alicia"));
    assert_eq!(taken.error.map(|error| error.code()), Some(ErrorCode::NickTaken));
    say(&mut sim, ALICE, group, "/nick #2 Rob");
    assert!(has_heard(&mut sim, ALICE, "#2 is Rob, as you wanted."));
    assert!(has_heard(&mut sim, BOB, "The staff of Harbour chat (group) calls you Rob from now on."));
    say(&mut sim, BOB, group, "/nick #1 Al");
    assert!(has_heard(&mut sim, BOB, "You may not do that."), "nor does a member name the staff");

    let audit: v1::AuditResponse =
        operate(&mut sim, "/api/v1/audit", &v1::AuditRequest { limit: 3, ..Default::default() });
    let acts: Vec<_> =
        audit.acts.iter().map(|act| (act.kind(), act.by, act.member, act.text.as_str())).collect();
    let expected = [
        (v1::ActKind::Renamed, 1, 2, "Rob"),
        (v1::ActKind::RoleAssigned, 0, 1, ""),
        (v1::ActKind::Renamed, 0, 1, "Alicia"),
    ];
    assert_eq!(acts, expected);
}

#[test]
fn who_wants_no_reactions_in_words_gets_none() {
    let (mut sim, group) = joined();
    for who in [ALICE, BOB] {
        say(&mut sim, who, group, "hello");
    }
    say(&mut sim, BOB, group, "/mode reactions nothing");
    assert!(has_heard(
        &mut sim,
        BOB,
        "For you: push all, language group, presence shown, reactions nothing."
    ));
    say(&mut sim, ALICE, group, "/react Bob +1");
    say(&mut sim, BOB, group, "/react Alice +1");
    let words = "Bob +1 \"hello\"";
    assert!(has_heard(&mut sim, ALICE, words));
    let of_bob = sim.stations[BOB].person().inbox.iter().filter(|text| text.contains("+1 \"")).count();
    assert_eq!(of_bob, 0);
    let back = v1::Preference { key: "reactions".into(), value: "text".into() };
    let set = v1::PreferencesRequest { set: vec![back.clone()] };
    let told: v1::PreferencesResponse = ask(&mut sim, BOB, group, "/api/v1/preferences", &set);
    assert!(told.preferences.contains(&back), "{told:?}");
    say(&mut sim, ALICE, group, "/react Bob +2");
    assert!(sim.stations[BOB].person().inbox.iter().any(|text| text.contains("+2 \"")));
}
