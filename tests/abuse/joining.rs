//! People by the thousand who want to come in without the work that it costs, each with an identity and a link of their own.
//! `MESHGROUP_JOINERS=10000` has ten thousand of them, which takes a debug build minutes; what a group decides about as many is
//! tested in `src/group/tests/joining.rs`.

use lxmf::fields::Fields;
use lxmf::stamp::{Purpose, Workblock};
use meshgroup::group::{join_day, join_material};
use prost::Message;
use proto::v1::{self, ErrorCode};
use reticulum::crypto::Identity;
use reticulum::time::UnixTime;
use reticulum::wire::Context;

use super::Victim;
use super::attacker::{Attacker, Tcp, Wire};
use crate::support::process::{Folder, Meshgroup};

/// How many they are.
const PEOPLE: u32 = 1_000;
/// Bits that joining costs: few enough that a test pays them.
const COST: u8 = 8;

fn join(stamp_day: u32, stamp: [u8; 32]) -> v1::JoinRequest {
    v1::JoinRequest { nick: "Anybody".into(), stamp_day, stamp: stamp.to_vec(), ..Default::default() }
}

/// Asks to come in as who is behind the attacker now, on a link of their own, which is closed afterwards.
fn ask(
    attacker: &mut Attacker<Tcp>,
    api: &super::attacker::Target,
    request: &v1::JoinRequest,
) -> v1::JoinResponse {
    let session = attacker.open_link(api, 500);
    let identify = attacker.identify(&session);
    attacker.wire.send(&identify);
    let answer = attacker.ask(&session, "/api/v1/join", &request.encode_to_vec());
    let close = attacker.sealed(&session, Context::LINK_CLOSE, session.id.as_ref());
    attacker.wire.send(&close);
    v1::JoinResponse::decode(&answer[..]).expect("an answer")
}

#[test]
fn crowds_without_work_or_with_that_of_another_day_do_not_come_in() {
    let people =
        std::env::var("MESHGROUP_JOINERS").ok().and_then(|people| people.parse().ok()).unwrap_or(PEOPLE);
    let folder = Folder::new("join-flood");
    let node = Meshgroup::start(folder.path(), "");
    let victim = Victim::new(node);
    victim.node.json(&["group", "set", "join-cost", &COST.to_string(), "--json"]);
    let mut attacker = victim.attacker(1);
    let api = attacker.find(victim.api);
    let group = attacker.find(victim.lxmf);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let today = join_day(UnixTime::from_secs(now.as_secs()));
    let before = victim.node.status()["group"].clone();
    for n in 0..people {
        attacker.identity = Identity::generate(&mut attacker.rng);
        let (request, expected) = match n % 4 {
            0 => (v1::JoinRequest { nick: "Anybody".into(), ..Default::default() }, ErrorCode::WorkNeeded),
            1 => (join(today - 2, [1; 32]), ErrorCode::StampStale),
            2 => (join(today + 1, [1; 32]), ErrorCode::StampStale),
            // The same by a message, which is proven and answered in private.
            _ => {
                let session = attacker.open_link(&group, 500);
                let identify = attacker.identify(&session);
                attacker.wire.send(&identify);
                let message = attacker.message(&group, "/join Anybody", &Fields::default());
                let message = attacker.sealed(&session, Context::NONE, message.as_bytes());
                attacker.send_on_link_proven(&group, &session, &message);
                let close = attacker.sealed(&session, Context::LINK_CLOSE, session.id.as_ref());
                attacker.wire.send(&close);
                continue;
            }
        };
        let answer = ask(&mut attacker, &api, &request);
        assert_eq!(answer.error.map(|error| error.code()), Some(expected), "{n}");
    }
    let after = victim.node.status()["group"].clone();
    assert_eq!(after, before, "nobody came in, and nothing was written");

    // Whoever worked yesterday does come in, whoever did the day before does not.
    for (day, expected) in [(today - 2, Some(ErrorCode::StampStale)), (today - 1, None)] {
        attacker.identity = Identity::generate(&mut attacker.rng);
        let material = join_material(victim.api, attacker.identity.hash(), day);
        let block = Workblock::new(Purpose::Propagation, &material);
        let stamps = (0..u32::MAX).map(|n| {
            let mut stamp = [0; 32];
            stamp[..4].copy_from_slice(&n.to_be_bytes());
            stamp
        });
        let stamp = stamps.into_iter().find(|stamp| block.is_valid(stamp, COST)).expect("one in 256");
        let answer = ask(&mut attacker, &api, &join(day, stamp));
        assert_eq!(answer.error.map(|error| error.code()), expected, "{day}");
    }
    victim.is_well();
}
