//! People who mean ill, against a whole node on virtual time and with a real store: each is answered as designed, and nothing
//! of what others said is lost.

use std::time::Duration;

use meshgroup::group::{EventKind, FoundingRules};
use meshgroup::host::{Addresses, FIRST_GROUP};
use prost::Message;
use proto::v1::{self, ErrorCode};

use super::groups::{ALICE, BOB, NODE, ask, say, three_on_disk};
use super::moderation::{heard, joined, named, operate};
use crate::support::sim::Sim;
use crate::support::station::Participant;

/// The code with which a call is refused; none if it succeeds.
fn refusal(
    sim: &mut Sim<Participant>,
    who: usize,
    group: Addresses,
    path: &str,
    request: &impl Message,
) -> Option<ErrorCode> {
    let answer: v1::ErrorResponse = ask(sim, who, group, path, request);
    answer.error.map(|error| error.code())
}

fn events(sim: &mut Sim<Participant>) -> usize {
    sim.stations[NODE].group().log[&FIRST_GROUP].len()
}

fn is_sound(sim: &mut Sim<Participant>) {
    assert!(sim.stations[NODE].group().findings().is_empty());
}

#[test]
fn who_is_banned_comes_back_under_no_name_and_by_no_door() {
    let (mut sim, group) = joined();
    let ban = v1::BanRequest { who: named("Bob"), reason: "spam".into(), lasts_s: 0 };
    assert_eq!(operate::<v1::BanResponse>(&mut sim, "/api/v1/members/ban", &ban).error, None);
    let before = events(&mut sim);
    // As somebody else, in all the ways that there are to come in or to be heard; and he announces himself anew.
    for text in ["/join", "/join Rob", "/join Alice", "/claim 00000-00000", "hello?", "/nick Rob", "/leave"] {
        say(&mut sim, BOB, group, text);
    }
    let join = v1::JoinRequest { nick: "Rob".into(), ..Default::default() };
    assert_eq!(refusal(&mut sim, BOB, group, "/api/v1/join", &join), Some(ErrorCode::Banned));
    let send = v1::SendRequest { text: "from the other address".into(), ..Default::default() };
    assert_eq!(refusal(&mut sim, BOB, group, "/api/v1/messages/send", &send), Some(ErrorCode::Banned));
    let page = v1::MessagesRequest { after: Some(0), ..Default::default() };
    assert_eq!(refusal(&mut sim, BOB, group, "/api/v1/messages", &page), Some(ErrorCode::Banned));
    // Not even by an invitation, which a member may still have given.
    let bob = sim.stations[BOB].person().identity_hash();
    say(&mut sim, ALICE, group, &format!("/invite {bob}"));
    say(&mut sim, BOB, group, "/join Rob");
    let log = &sim.stations[NODE].group().log[&FIRST_GROUP][before..];
    let came =
        log.iter().filter(|event| matches!(event.kind, EventKind::Joined { .. } | EventKind::Posted(_)));
    assert_eq!(came.count(), 0);
    say(&mut sim, ALICE, group, "he is gone");
    assert!(!heard(&mut sim, BOB, group).contains(&"Alice: he is gone".to_owned()));
    is_sound(&mut sim);
}

#[test]
fn who_floods_is_told_to_wait_and_keeps_nobody_else_from_speaking() {
    let (mut sim, group) = joined();
    let now = sim.now();
    for n in 0..200 {
        sim.stations[BOB].person().say(now, group.lxmf, &format!("flood {n}"));
    }
    sim.run_for(Duration::from_secs(20));
    let posted = sim.stations[NODE].group().texts().len();
    assert!((1..=80).contains(&posted), "{posted} of 200 in one moment, where 60 a minute may be");
    let waits = heard(&mut sim, BOB, group).into_iter().filter(|text| text.starts_with("Too often")).count();
    assert!(waits > 0, "and he is told");
    let send = |sim: &mut Sim<Participant>, n| {
        let send = v1::SendRequest { text: format!("request {n}"), ..Default::default() };
        ask::<v1::SendResponse>(sim, BOB, group, "/api/v1/messages/send", &send).error
    };
    let error = (0..80).find_map(|n| send(&mut sim, n)).expect("he has to wait at this door, too");
    assert!(error.code() == ErrorCode::RateLimited && error.retry_after_s > 0, "{error:?}");
    say(&mut sim, ALICE, group, "may I?");
    assert!(heard(&mut sim, BOB, group).contains(&"Alice: may I?".to_owned()));
    // What Alice heard of the flood is what was posted, each once.
    let mut flood: Vec<_> =
        heard(&mut sim, ALICE, group).into_iter().filter(|text| text.starts_with("Bob: flood")).collect();
    let copies = flood.len();
    flood.sort();
    flood.dedup();
    assert_eq!((copies, flood.len()), (posted, posted));
    is_sound(&mut sim);
}

#[test]
fn an_expression_that_blows_up_elsewhere_costs_a_bounded_moment_here() {
    let (mut sim, group) = joined();
    let patterns = |text: &str| {
        let value = v1::setting::Value::Text(text.to_owned());
        let setting = v1::Setting { key: "hold-patterns".into(), value: Some(value), ..Default::default() };
        v1::SettingsRequest { set: vec![setting], ..Default::default() }
    };
    let set = |sim: &mut Sim<Participant>, text: &str| {
        let answer: v1::SettingsResponse = operate(sim, "/api/v1/settings", &patterns(text));
        answer.error.map(|error| error.code())
    };
    // These would be gigabytes once they are unfolded; that one is no expression.
    for bad in ["((((a{99}){99}){99}){99}){99}", "(((x{1000}){1000}){1000})", "(", "a{2,1}"] {
        assert_eq!(set(&mut sim, bad), Some(ErrorCode::InvalidField), "{bad}");
    }
    // Engines that go back try 2^n ways through these.
    assert_eq!(set(&mut sim, "^(a+)+$\n^(a|a)*$\n^(.*a){12}$"), None);
    let long = format!("{}!", "a".repeat(8_000));
    for text in [&format!("{}!", "a".repeat(40)), &long, &"a!".repeat(4_000)] {
        say(&mut sim, BOB, group, text);
        assert!(heard(&mut sim, ALICE, group).contains(&format!("Bob: {text}")), "{} bytes", text.len());
    }
    // What fits waits, and so does what is too long to be looked at.
    say(&mut sim, BOB, group, &"a".repeat(100));
    say(&mut sim, BOB, group, &"b".repeat(9_000));
    let held: v1::HeldResponse = operate(&mut sim, "/api/v1/messages/held", &v1::HeldRequest::default());
    let lengths: Vec<_> = held.messages.iter().map(|held| held.text.len()).collect();
    assert_eq!(lengths, [100, 9_000]);
    is_sound(&mut sim);
}

#[test]
fn no_nick_hides_turns_or_passes_for_another() {
    let mut sim = three_on_disk(FoundingRules::default());
    let group = sim.stations[NODE].group().host.addresses();
    say(&mut sim, ALICE, group, "/join Alice");
    // What Bob wants to be called, and what others see.
    let rows = [
        ("\u{202e}ecilA", "ecilA"),
        ("B\u{200b}o\u{7}b\u{1b}[31m", "Bo b [31m"),
        ("Bob:\nAlice", "Bob Alice"),
        ("Alice", "Alice~"),
        ("\u{410}lice", "\u{410}lice~"),
        ("A1ice", "A1ice~"),
        ("Ａｌｉｃｅ", "Ａｌｉｃｅ~"),
        (&"W".repeat(500), &"W".repeat(24)),
    ];
    let nothing = v1::JoinRequest { nick: "\u{2067}\u{200f}".into(), ..Default::default() };
    assert_eq!(refusal(&mut sim, BOB, group, "/api/v1/join", &nothing), Some(ErrorCode::NameNeeded));
    for (wanted, shown) in rows {
        let join = v1::JoinRequest { nick: wanted.into(), ..Default::default() };
        let answer: v1::JoinResponse = ask(&mut sim, BOB, group, "/api/v1/join", &join);
        let nick = answer.you.map(|you| you.nick).unwrap_or_else(|| panic!("{wanted:?}: {:?}", answer.error));
        match shown.strip_suffix('~') {
            Some(begin) => assert!(nick.starts_with(begin) && nick.contains('~'), "{wanted:?} {nick:?}"),
            None => assert_eq!(nick, shown, "{wanted:?}"),
        }
        // Nor later.
        for again in ["Alice", "a l i c e", "\u{410}1ice"].into_iter().filter(|again| !again.contains(' ')) {
            let update = v1::DisplayNameUpdateRequest { nick: again.into() };
            let refused = refusal(&mut sim, BOB, group, "/api/v1/display-name/update", &update);
            assert_eq!(refused, Some(ErrorCode::NickTaken), "{again:?}");
        }
        assert_eq!(refusal(&mut sim, BOB, group, "/api/v1/leave", &v1::LeaveRequest {}), None);
    }
    is_sound(&mut sim);
}

#[test]
fn numbers_that_nobody_gave_and_pages_beyond_all_bounds_are_answered_as_designed() {
    let (mut sim, group) = joined();
    let owner = v1::RoleAssignRequest { who: named("Alice"), role: v1::Role::Owner.into() };
    assert_eq!(operate::<v1::RoleAssignResponse>(&mut sim, "/api/v1/roles/assign", &owner).error, None);
    for n in 0..20 {
        say(&mut sim, BOB, group, &format!("rope {n}"));
    }
    let before = events(&mut sim);
    let head = before as u64;
    let not_found = Some(ErrorCode::NotFound);
    // Event 1 is no message; the others are none at all, some beyond what a database can count.
    for seq in [1, head + 1, 1 << 40, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX - 1, u64::MAX] {
        let text = || "x".to_owned();
        let (reaction, reason) = ("+".to_owned(), String::new());
        let calls: [(&str, Vec<u8>); 8] = [
            ("messages/delete", v1::DeleteRequest { seq }.encode_to_vec()),
            ("messages/edit", v1::EditRequest { seq, text: text() }.encode_to_vec()),
            ("messages/react", v1::ReactRequest { seq, reaction, remove: false }.encode_to_vec()),
            ("messages/pin", v1::PinRequest { seq, remove: false }.encode_to_vec()),
            ("messages/edits", v1::EditsRequest { seq, max_bytes: u32::MAX }.encode_to_vec()),
            (
                "messages/send",
                v1::SendRequest { text: text(), reply_to: seq, ..Default::default() }.encode_to_vec(),
            ),
            (
                "messages/send",
                v1::SendRequest { text: text(), thread: seq, ..Default::default() }.encode_to_vec(),
            ),
            ("report", v1::ReportRequest { seq, who: None, reason }.encode_to_vec()),
        ];
        for (path, request) in calls {
            let raw = Raw(request);
            let refused = refusal(&mut sim, ALICE, group, &format!("/api/v1/{path}"), &raw);
            assert_eq!(refused, not_found, "{path} {seq}");
        }
    }
    for number in [0, 1, u32::MAX] {
        let approve = v1::HeldApproveRequest { number };
        let refused = refusal(&mut sim, ALICE, group, "/api/v1/messages/held/approve", &approve);
        assert!(
            matches!(refused, Some(ErrorCode::NotFound | ErrorCode::MissingField)),
            "{refused:?} {number}"
        );
        let who = Some(v1::Who { who: Some(v1::who::Who::Member(number)) });
        let kick = v1::KickRequest { who, reason: String::new() };
        if number != 1 {
            assert_eq!(refusal(&mut sim, ALICE, group, "/api/v1/members/kick", &kick), not_found, "{number}");
        }
    }
    assert_eq!(events(&mut sim), before, "nothing came of any of it");

    // after, before, how many events a page of everything holds
    let (all, most) = (head as usize, u64::MAX);
    let rows = [
        (Some(0), None, 1..=all),
        (Some(most), None, 0..=0),
        (Some(i64::MAX as u64 + 1), None, 0..=0),
        (None, Some(most), 1..=all),
        (None, Some(i64::MAX as u64 + 1), 1..=all),
        (None, Some(0), 0..=0),
        (Some(10), Some(5), 0..=0),
        (Some(most), Some(0), 0..=0),
    ];
    for (after, before, expected) in rows {
        for filter in ["", "thread", "pinned"] {
            let request = v1::MessagesRequest {
                after,
                before,
                limit: u32::MAX,
                max_bytes: u32::MAX,
                thread: if filter == "thread" { most } else { 0 },
                pinned: filter == "pinned",
                with_authors: true,
            };
            let page: v1::MessagesResponse = ask(&mut sim, BOB, group, "/api/v1/messages", &request);
            assert_eq!((page.error, page.head), (None, head), "{after:?} {before:?} {filter}");
            let expected = if filter.is_empty() { expected.clone() } else { 0..=0 };
            assert!(
                expected.contains(&page.events.len()),
                "{} {after:?} {before:?} {filter}",
                page.events.len()
            );
        }
        let request =
            v1::SearchRequest { query: "rope".into(), before, limit: u32::MAX, ..Default::default() };
        let found: v1::SearchResponse = ask(&mut sim, BOB, group, "/api/v1/messages/search", &request);
        assert_eq!(found.error, None, "{before:?}");
    }
    // A mark only goes forward, and not beyond what there is.
    for seq in [most, i64::MAX as u64 + 1, 3] {
        let read: v1::ReadResponse =
            ask(&mut sim, ALICE, group, "/api/v1/messages/read", &v1::ReadRequest { seq });
        assert_eq!((read.error, read.unread), (None, 0), "{seq}");
    }
    say(&mut sim, BOB, group, "one more");
    let read: v1::ReadResponse =
        ask(&mut sim, ALICE, group, "/api/v1/messages/read", &v1::ReadRequest { seq: 0 });
    assert_eq!((read.unread, read.seq), (1, head), "who claimed to have read all that is to come has not");
    is_sound(&mut sim);
}

/// A request that is encoded already.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Raw(pub(super) Vec<u8>);

impl Message for Raw {
    fn encode_raw(&self, buf: &mut impl prost::bytes::BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _tag: u32,
        _wire_type: prost::encoding::WireType,
        _buf: &mut impl prost::bytes::Buf,
        _context: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {}
}
