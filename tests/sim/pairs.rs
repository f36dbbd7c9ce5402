//! Conversations of two: the same two always find the same one, both are in, and nobody else comes in.

use meshgroup::group::{Founders, FoundingRules};
use meshgroup::host::Addresses;
use prost::Message;
use proto::v1::{self, ErrorCode, GroupKind};

use super::PATIENCE;
use super::groups::{ALICE, BOB, NODE, addresses, ask, say, three};
use crate::support::sim::Sim;
use crate::support::station::Participant;

fn rules() -> FoundingRules {
    FoundingRules { founders: Founders::Anyone, stamp_cost: 0, ..FoundingRules::default() }
}

fn create(sim: &mut Sim<Participant>, who: usize, at: Addresses, with: &[u8]) -> v1::CreateGroupResponse {
    let request = v1::CreateGroupRequest {
        kind: GroupKind::Direct.into(),
        with: vec![with.to_vec()],
        ..Default::default()
    };
    ask(sim, who, at, "/api/v1/groups/create", &request)
}

fn person(sim: &mut Sim<Participant>, who: usize) -> Vec<u8> {
    sim.stations[who].person().identity_hash().as_bytes().to_vec()
}

fn code(error: Option<v1::Error>) -> Option<ErrorCode> {
    error.map(|error| error.code())
}

#[test]
fn two_people_talk_alone_and_find_their_conversation_again() {
    let mut sim = three(rules());
    let harbour = sim.stations[NODE].group().host.addresses();
    // The node hears of both.
    say(&mut sim, ALICE, harbour, "hello?");
    say(&mut sim, BOB, harbour, "hello?");
    let bob = person(&mut sim, BOB);
    let created = create(&mut sim, ALICE, harbour, &bob);
    assert_eq!((created.error, created.existed), (None, false));
    let group = created.group.expect("a group");
    assert_eq!((group.name.as_str(), group.kind()), ("Alice & Bob", GroupKind::Direct));
    assert_eq!((group.members, group.visibility()), (2, v1::Visibility::Private));
    let pair = addresses(&group);
    sim.run_until(PATIENCE, "both are welcome", |stations| {
        [(ALICE, "Bob"), (BOB, "Alice")].into_iter().all(|(who, other)| {
            let heard = stations[who].person().heard_from(pair.lxmf);
            heard.iter().any(|text| text.contains(&format!("talk with {other}")))
        })
    });
    say(&mut sim, ALICE, pair, "only for you");
    say(&mut sim, BOB, pair, "and back");
    assert!(sim.stations[BOB].person().heard_from(pair.lxmf).contains(&"Alice: only for you"));
    assert!(sim.stations[ALICE].person().heard_from(pair.lxmf).contains(&"Bob: and back"));

    // Bob finds the same one, by where Alice receives, too; and each of them sees it in the directory.
    let alice = person(&mut sim, ALICE);
    let found = create(&mut sim, BOB, harbour, &alice);
    assert_eq!((found.existed, found.group.map(|found| found.group)), (true, Some(group.group)));
    assert_eq!(code(create(&mut sim, BOB, harbour, &bob).error), Some(ErrorCode::NotInThisKind));
    // What a stranger sees of it.
    let all: v1::GroupsResponse =
        ask(&mut sim, BOB, harbour, "/api/v1/groups", &v1::GroupsRequest::default());
    assert_eq!(all.groups.len(), 2);

    // Who leaves may come back, and is asked when the other one wants it.
    say(&mut sim, BOB, pair, "/leave");
    let found = create(&mut sim, ALICE, harbour, &bob);
    assert_eq!((found.existed, found.group.map(|found| found.members)), (true, Some(1)));
    say(&mut sim, BOB, harbour, "hello again");
    sim.run_until(PATIENCE, "Bob is asked", |stations| {
        let heard = stations[BOB].person().heard_from(pair.lxmf);
        heard.iter().any(|text| text.contains("asked for a conversation"))
    });
    say(&mut sim, BOB, pair, "/join");
    let found = create(&mut sim, BOB, harbour, &alice);
    assert_eq!(found.group.map(|found| (found.group, found.members)), Some((group.group, 2)));

    // Either may delete it.
    let delete = v1::DeleteGroupRequest { confirm: "Alice & Bob".to_owned() };
    let deleted: v1::DeleteGroupResponse = ask(&mut sim, BOB, pair, "/api/v1/groups/delete", &delete);
    assert_eq!(deleted.error, None);
    let again = create(&mut sim, BOB, harbour, &alice);
    assert_eq!((again.error, again.existed), (None, false));
    assert_ne!(again.group.map(|again| again.group), Some(group.group));
}

#[test]
fn who_was_not_heard_comes_in_when_that_happens_and_a_third_never_does() {
    let mut sim = three(FoundingRules::default());
    let harbour = sim.stations[NODE].group().host.addresses();
    let (alice, bob) = (person(&mut sim, ALICE), person(&mut sim, BOB));
    // Nobody was heard yet, and nobody but the operator may found groups here.
    let with_bob = operator_creates(&mut sim, [alice.clone(), bob.clone()]);
    let alone = operator_creates(&mut sim, [alice, vec![7; 16]]);
    assert_eq!(with_bob.members, 0);
    sim.run_until(PATIENCE, "both are welcome", |stations| {
        [ALICE, BOB].into_iter().all(|who| {
            let heard = stations[who].person().heard_from(addresses(&with_bob).lxmf);
            heard.iter().any(|text| text.contains("nobody else can come in"))
        })
    });
    say(&mut sim, ALICE, addresses(&with_bob), "here we are");
    assert!(sim.stations[BOB].person().heard_from(addresses(&with_bob).lxmf).contains(&"Alice: here we are"));

    let pair = addresses(&alone);
    say(&mut sim, BOB, pair, "/join");
    let info: v1::InfoResponse = ask(&mut sim, ALICE, pair, "/api/v1/info", &v1::InfoRequest::default());
    assert_eq!(info.members, 1);
    let refused = create(&mut sim, ALICE, harbour, &[9; 16]);
    assert_eq!(code(refused.error), Some(ErrorCode::NoPermission));
}

fn operator_creates(sim: &mut Sim<Participant>, two: [Vec<u8>; 2]) -> v1::GroupEntry {
    let kind = GroupKind::Direct.into();
    let request = v1::CreateGroupRequest { kind, with: two.into(), ..Default::default() };
    let (now, body) = (sim.now(), request.encode_to_vec());
    sim.stations[NODE].group().call(now, "", "/api/v1/groups/create", &body);
    sim.run_until(PATIENCE, "an answer", |stations| !stations[NODE].group().answers.is_empty());
    let answer = sim.stations[NODE].group().answers.pop().expect("it has just come");
    let created = v1::CreateGroupResponse::decode(&answer[..]).expect("an answer");
    created.group.expect("a group")
}
