//! Scenarios and refusals, row by row.

mod joining;
mod members;
mod messages;
mod rights;
mod rules;

use super::*;

fn identity(n: u8) -> Arc<PublicIdentity> {
    Arc::new(reticulum::crypto::Identity::from_bytes(&[n; 64]).public().clone())
}

/// Person `n`, who announces as `P<n>`.
fn person(n: u8) -> Caller {
    Caller::Identity { identity: identity(n), announced_name: Some(format!("P{n}")) }
}

fn id(n: u64) -> MessageId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    MessageId(bytes)
}

fn at(s: u64) -> UnixTime {
    UnixTime::from_secs(1_000_000 + s)
}

const CODE: [u8; 10] = [3; 10];

/// A public group with person 1 as owner, persons 2 and 3 as members; person 9 is banned.
struct Fixture {
    group: Group,
    log: Vec<Event>,
    messages: u64,
}

impl Fixture {
    fn new() -> Self {
        Self::with_settings(Settings {
            posts_per_minute: 3,
            post_chars_max: 10,
            capacity: 4,
            ..Settings::default()
        })
    }

    fn with_settings(settings: Settings) -> Self {
        let claim = ClaimCode::from_random(CODE).hash();
        let settings = Settings { name: "Harbour".into(), ..settings };
        let (group, created) = Group::create(at(0), &settings, Some(claim));
        let mut fixture = Self { group, log: created, messages: 0 };
        fixture.act(1, Action::Claim { code: ClaimCode::from_random(CODE).to_string() }).unwrap();
        fixture.act(2, Action::Join { nick: None, pass: Pass::None }).unwrap();
        fixture.act(3, Action::Join { nick: Some("Bob Smith".into()), pass: Pass::None }).unwrap();
        fixture.act(9, Action::Join { nick: None, pass: Pass::None }).unwrap();
        let ban = Action::Ban { who: Who::Text("p9".into()), lasts: None, reason: "spam".into() };
        fixture.act(1, ban).unwrap();
        fixture
    }

    fn act(&mut self, n: u8, action: Action) -> Result<Outcome, Refusal> {
        self.act_as(&person(n), action)
    }

    fn act_as(&mut self, caller: &Caller, action: Action) -> Result<Outcome, Refusal> {
        let before = self.group.state().clone();
        let result = self.group.decide_knowing(at(0), caller, action, &past());
        match &result {
            Ok(outcome) => self.log.extend(outcome.events.iter().cloned()),
            Err(_) => assert_eq!(*self.group.state(), before, "a refusal changes nothing"),
        }
        result
    }

    /// What person `n` gets back in private after sending `text`.
    fn say(&mut self, now: UnixTime, n: u8, text: &str) -> Outcome {
        self.messages += 1;
        let outcome = self.group.handle_text(now, &person(n), incoming(text, self.messages), &past());
        self.log.extend(outcome.events.iter().cloned());
        if let Some(reply) = &outcome.reply {
            assert!(reply.len() <= REPLY_BYTES_MAX);
        }
        outcome
    }

    fn reply(&mut self, n: u8, text: &str) -> String {
        self.say(at(0), n, text).reply.unwrap_or_default()
    }

    fn role(&self, n: u8) -> Option<Role> {
        self.group.member_of(&person(n)).map(|member| member.role)
    }

    fn member(&self, n: u8) -> MemberId {
        self.group.member_of(&person(n)).unwrap().id
    }
}

/// A message of the owner, one that was deleted, and one of somebody else, as the store knows them.
const OF_OWNER: Seq = Seq(1_001);
const GONE: Seq = Seq(1_002);
const OF_OTHER: Seq = Seq(1_003);

fn past() -> Known {
    let post =
        |author, deleted| StoredPost { author: Some(MemberId(author)), deleted, ..StoredPost::default() };
    let posts = [(OF_OWNER, post(1, false)), (GONE, post(2, true)), (OF_OTHER, post(77, false))];
    Known { posts: posts.into(), ..Known::default() }
}

fn incoming(text: &str, n: u64) -> Incoming<'_> {
    Incoming {
        text,
        message_id: id(n),
        authorship: None,
        reference: None,
        fields: None,
        attachments: &[],
        probe: None,
        paid_bits: 0,
    }
}

fn post(text: &str) -> Action {
    Action::Post(Draft::text(text))
}

fn kick(who: Who) -> Action {
    Action::Kick { who, reason: String::new() }
}

fn ban(who: Who) -> Action {
    Action::Ban { who, lasts: None, reason: String::new() }
}

fn delete(target: Seq) -> Action {
    Action::Delete { target }
}

#[test]
fn every_refusal_has_its_row() {
    let banned = || Refusal::Banned { reason: "spam".into() };
    let who = |n: u8| Who::Identity(identity(n).hash());
    let join = |nick: Option<&str>| Action::Join { nick: nick.map(str::to_owned), pass: Pass::None };
    let rename = |nick: &str| Action::Rename { nick: nick.into() };
    let claim = |code: &str| Action::Claim { code: code.into() };
    let claim_hash = ClaimCode::from_random([9; 10]).hash();
    let stranger = person(7);
    let rows = [
        (Caller::Unidentified, join(None), Refusal::NotIdentified),
        (Caller::Operator, join(None), Refusal::NotIdentified),
        (person(9), join(None), banned()),
        (person(2), join(None), Refusal::Already),
        (Caller::Unidentified, Action::Leave, Refusal::NotIdentified),
        (Caller::Operator, Action::Leave, Refusal::NotIdentified),
        (stranger.clone(), Action::Leave, Refusal::NotMember),
        (person(9), Action::Leave, banned()),
        (Caller::Unidentified, post("hi"), Refusal::NotIdentified),
        (Caller::Operator, post("hi"), Refusal::NotIdentified),
        (stranger.clone(), post("hi"), Refusal::NotMember),
        (person(9), post("hi"), banned()),
        (person(2), post(" \n"), Refusal::Empty),
        (person(2), post("äöüäöüäöüäö"), Refusal::TooLong { max: 10 }),
        (Caller::Unidentified, delete(OF_OWNER), Refusal::NotIdentified),
        (stranger.clone(), delete(OF_OWNER), Refusal::NotMember),
        (person(2), delete(Seq(1)), Refusal::NotFound),
        (person(2), delete(OF_OWNER), Refusal::NoPermission),
        (person(2), delete(GONE), Refusal::NotFound),
        (Caller::Operator, delete(Seq(1)), Refusal::NotFound),
        (Caller::Unidentified, kick(who(2)), Refusal::NotIdentified),
        (stranger.clone(), kick(who(2)), Refusal::NotMember),
        (person(2), kick(who(3)), Refusal::NoPermission),
        (person(1), kick(who(1)), Refusal::NoPermission),
        (person(1), kick(who(7)), Refusal::NotFound),
        (person(1), kick(Who::Member(MemberId(99))), Refusal::NotFound),
        (person(1), kick(Who::Text("nobody".into())), Refusal::NotFound),
        (stranger.clone(), ban(who(2)), Refusal::NotMember),
        (person(2), ban(who(3)), Refusal::NoPermission),
        (person(1), ban(who(1)), Refusal::NoPermission),
        (person(1), ban(who(9)), Refusal::Already),
        (person(1), ban(Who::Text("nobody".into())), Refusal::NotFound),
        (stranger.clone(), Action::Unban { who: who(9) }, Refusal::NotMember),
        (person(2), Action::Unban { who: who(9) }, Refusal::NoPermission),
        (person(1), Action::Unban { who: who(2) }, Refusal::NotFound),
        (Caller::Unidentified, rename("x"), Refusal::NotIdentified),
        (stranger.clone(), rename("x"), Refusal::NotMember),
        (person(2), rename("\u{202e}"), Refusal::Empty),
        (person(2), rename("bob smith"), Refusal::NickTaken),
        (person(2), rename("P2"), Refusal::Already),
        (Caller::Unidentified, claim("x"), Refusal::NotIdentified),
        (person(9), claim("x"), banned()),
        (person(2), claim("x"), Refusal::BadCode),
        (person(2), claim(&ClaimCode::from_random(CODE).to_string()), Refusal::BadCode),
        (person(1), Action::IssueClaim { claim: claim_hash }, Refusal::NoPermission),
    ];
    let mut fixture = Fixture::new();
    for (caller, action, refusal) in rows {
        let row = format!("{caller:?} {action:?}");
        assert_eq!(fixture.act_as(&caller, action), Err(refusal), "{row}");
    }
}

#[test]
fn a_full_group_takes_nobody_until_somebody_leaves() {
    let mut fixture = Fixture::new();
    fixture.act(4, Action::Join { nick: None, pass: Pass::None }).unwrap();
    assert_eq!(fixture.act(5, Action::Join { nick: None, pass: Pass::None }), Err(Refusal::Full { max: 4 }));
    fixture.act(4, Action::Leave).unwrap();
    assert!(fixture.act(5, Action::Join { nick: None, pass: Pass::None }).is_ok());
}

#[test]
fn a_member_who_posts_too_much_is_told_when_to_go_on() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        fixture.act(2, post("hi")).unwrap();
    }
    assert_eq!(fixture.act(2, post("hi")), Err(Refusal::RateLimited { retry_after_s: 20 }));
    assert!(fixture.act(3, post("hi")).is_ok());
    fixture.act(2, Action::Leave).unwrap();
    fixture.act(2, Action::Join { nick: None, pass: Pass::None }).unwrap();
    assert!(fixture.act(2, post("hi")).is_err(), "leaving and coming back is no way around it");
    assert!(fixture.group.decide(at(20), &person(2), post("hi")).is_ok());
}

#[test]
fn who_comes_and_goes_too_often_has_to_wait() {
    let mut fixture = Fixture::new();
    let mut joins = 0;
    let wait = loop {
        match fixture.act(5, Action::Join { nick: None, pass: Pass::None }) {
            Ok(_) => joins += 1,
            Err(refusal) => break refusal,
        }
        fixture.act(5, Action::Leave).expect("whoever came may go");
    };
    assert_eq!((joins, wait), (30, Refusal::RateLimited { retry_after_s: 120 }));
    let mut renames = 0;
    let wait = loop {
        match fixture.act(2, Action::Rename { nick: format!("N{renames}") }) {
            Ok(_) => renames += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(
        (renames, wait),
        (29, Refusal::RateLimited { retry_after_s: 120 }),
        "and one for having joined"
    );
}

#[test]
fn no_role_does_what_its_permissions_do_not_allow() {
    let someone = || Who::Identity(identity(3).hash());
    let actions: [(Permission, Action); 5] = [
        (Permission::Post, post("hi")),
        (Permission::DeleteAny, delete(OF_OTHER)),
        (Permission::Kick, kick(someone())),
        (Permission::Ban, ban(someone())),
        (Permission::Ban, Action::Unban { who: Who::Identity(identity(9).hash()) }),
    ];
    for (permission, action) in actions {
        for n in [1, 2] {
            let mut fixture = Fixture::new();
            let allowed = fixture.role(n).unwrap().permissions().contains(permission);
            let result = fixture.act(n, action.clone());
            assert_eq!(result.is_ok(), allowed, "{permission:?} for person {n}: {result:?}");
        }
    }
}

#[test]
fn a_claim_code_works_once_and_brings_a_stranger_in() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.role(1), Some(Role::Owner));
    let code = ClaimCode::from_random([5; 10]);
    fixture.act_as(&Caller::Operator, Action::IssueClaim { claim: code.hash() }).unwrap();
    let outcome = fixture.say(at(0), 7, &format!("/claim {}", code.to_string().to_lowercase()));
    assert_eq!(outcome.events.len(), 2, "joined, then owner: {outcome:?}");
    assert_eq!(fixture.role(7), Some(Role::Owner));
    assert_eq!(fixture.act(2, Action::Claim { code: code.to_string() }), Err(Refusal::BadCode));
    assert_eq!(fixture.act(1, kick(Who::Identity(identity(7).hash()))), Err(Refusal::NoPermission));
    assert!(fixture.act_as(&Caller::Operator, kick(Who::Identity(identity(7).hash()))).is_ok());
}

#[test]
fn who_comes_back_has_their_number_and_their_messages_but_not_their_role() {
    let mut fixture = Fixture::new();
    let number = fixture.member(1);
    let posted = fixture.act(1, post("hi")).unwrap().seq().unwrap();
    fixture.act_as(&Caller::Operator, kick(Who::Member(number))).unwrap();
    assert_eq!(fixture.role(1), None);
    fixture.act(1, Action::Join { nick: None, pass: Pass::None }).unwrap();
    assert_eq!((fixture.role(1), fixture.member(1)), (Some(Role::Member), number));
    let before = fixture.group.state().messages;
    assert!(fixture.act(1, delete(posted)).is_ok());
    assert_eq!(fixture.group.state().messages, before - 1);
    let stored = StoredPost { author: Some(number), ..StoredPost::default() };
    let lagging = Known { posts: [(posted, stored)].into(), ..Known::default() };
    let again = fixture.group.decide_knowing(at(0), &person(1), delete(posted), &lagging);
    assert_eq!(again, Err(Refusal::NotFound), "the store may lag behind a deletion");
}

#[test]
fn a_ban_outlasts_leaving_and_is_lifted_by_nick_number_or_hash() {
    for who in ["P2", "#2", "2", &identity(2).hash().to_string()[..6]] {
        let mut fixture = Fixture::new();
        let outcome = fixture.say(at(0), 1, "/ban p2 being rude");
        assert_eq!(outcome.reply.as_deref(), Some("P2 is banned."));
        assert_eq!(outcome.notices.len(), 1);
        assert_eq!(outcome.notices[0].to, identity(2));
        assert_eq!(outcome.notices[0].text, "You were banned from Harbour. Reason: being rude.");
        assert_eq!(fixture.role(2), None);
        assert_eq!(fixture.reply(2, "/join"), "You are banned. Reason: being rude.");
        assert_eq!(fixture.reply(1, &format!("/unban {who}")), "P2 may join again.", "{who}");
        assert!(fixture.reply(2, "/join").starts_with("Welcome to Harbour. You are P2; 2 others"));
    }
}

#[test]
fn people_are_named_by_nick_number_or_hash_and_asked_back_when_that_is_unclear() {
    let address = Fixture::new().group.member_of(&person(3)).unwrap().address.to_string();
    let hash = identity(3).hash().to_string();
    let named = ["Bob Smith", "bob smith", "3", "#3", &hash, &hash[..4], &address, &format!("<{address}>")];
    for who in named {
        let mut fixture = Fixture::new();
        let outcome = fixture.say(at(0), 1, &format!("/kick {who}  too loud "));
        assert_eq!(outcome.reply.as_deref(), Some("Bob Smith is out and may join again."), "{who}");
        assert!(outcome.notices[0].text.contains("Reason: too loud."), "{outcome:?}");
    }
    for who in [&hash[..3], "Bob", "4", "#04x"] {
        let reply = Fixture::new().reply(1, &format!("/kick {who}"));
        assert_eq!(reply, "Nothing found by that name or number.", "{who}");
    }
    let mut fixture = Fixture::new();
    fixture.reply(2, "/nick 3");
    assert_eq!(fixture.reply(1, "/kick 3"), "Who? Say the number: #2 3, #3 Bob Smith");
    fixture.reply(2, "/nick Bob");
    assert_eq!(fixture.reply(1, "/ban Bob Smith"), "Who? Say the number: #2 Bob, #3 Bob Smith");
    assert_eq!(fixture.reply(1, "/kick #2"), "Bob is out and may join again.");
}

#[test]
fn a_stranger_is_told_once_an_hour_how_to_join_and_never_posted() {
    let mut fixture = Fixture::new();
    let head = fixture.group.state().head;
    let first = fixture.say(at(0), 7, "hello?");
    assert!(first.reply.unwrap().starts_with("Harbour is a group chat"));
    for text in ["hello??", "/help", "/members", "/dance", "/kick P2", "/leave"] {
        assert_eq!(fixture.say(at(3_599), 7, text), Outcome::default(), "{text}");
    }
    assert!(fixture.say(at(3_600), 7, "hello").reply.is_some());
    assert_eq!(fixture.say(at(0), 9, "hey").reply.unwrap(), "You are banned. Reason: spam.");
    assert_eq!(fixture.group.state().head, head);
    let refused = (0..20).filter(|_| fixture.say(at(0), 7, "/claim x").reply.is_some()).count();
    assert_eq!(refused, STRANGER_REFUSALS as usize, "guessing is not answered without end");
    assert!(fixture.say(at(0), 7, "/join").reply.is_some());
}

#[test]
fn a_private_group_does_not_tell_strangers_its_name() {
    let settings = Settings { name: "Secret".into(), visibility: Visibility::Private, ..Settings::default() };
    let (mut group, _) = Group::create(at(0), &settings, None);
    let reply = group.handle_text(at(0), &person(1), incoming("hi", 1), &Known::default()).reply.unwrap();
    assert!(!reply.contains("Secret"), "{reply}");
}

#[test]
fn commands_answer_in_private_and_are_never_posted() {
    let mut fixture = Fixture::new();
    let head = fixture.group.state().head;
    assert!(fixture.reply(2, "/dance").starts_with("There is no such command"));
    assert_eq!(fixture.reply(2, "/nick"), "It goes like this: /nick NAME, /nick #3 NAME");
    assert!(!fixture.reply(2, "/help").contains("kick"), "help shows what one may do");
    assert!(fixture.reply(1, "/help").contains("kick"));
    assert!(fixture.reply(1, "/help kick").starts_with("/kick WHO REASON: "));
    assert_eq!(fixture.reply(2, "/members"), "3 members: 1 P1 (owner), 2 P2, 3 Bob Smith");
    assert_eq!(fixture.reply(2, "/kick P1"), "You may not do that.");
    assert_eq!(fixture.reply(2, "/join"), "It is so already.");
    assert_eq!(fixture.group.state().head, head);
    assert_eq!(fixture.say(at(0), 2, "hi").reply, None, "the proof is the answer to a post");
    assert_eq!(fixture.group.state().head, head.next());
    assert_eq!(fixture.group.posted_as(&id(fixture.messages)).unwrap().seq, head.next());
}

#[test]
fn a_long_member_list_comes_in_pages_of_one_packet() {
    let mut fixture = Fixture::with_settings(Settings { capacity: 100, ..Settings::default() });
    for n in 10..60 {
        fixture.act(n, Action::Join { nick: Some(format!("Somebody {n}")), pass: Pass::None }).unwrap();
    }
    let (mut seen, mut command) = (0, "/members".to_owned());
    loop {
        let reply = fixture.reply(1, &command);
        seen += reply.matches("Somebody").count();
        let Some((_, next)) = reply.split_once("More: ") else { break };
        command = next.to_owned();
    }
    assert_eq!(seen, 50);
}

#[test]
fn time_in_the_log_only_goes_forward() {
    let mut fixture = Fixture::new();
    let first = fixture.group.decide(at(50), &person(2), post("a")).unwrap().events.remove(0);
    let second = fixture.group.decide(at(10), &person(3), post("b")).unwrap().events.remove(0);
    assert_eq!(first.time, at(50));
    assert_eq!(second.time, at(50) + Duration::from_micros(1));
    assert_eq!(second.seq, first.seq.next());
}

#[test]
fn the_operator_reads_and_moderates_without_being_a_member() {
    let mut fixture = Fixture::new();
    let posted = fixture.act(2, post("hi")).unwrap().seq().unwrap();
    assert_eq!(fixture.group.authorize_read(&Caller::Operator), Ok(()));
    assert_eq!(fixture.group.authorize_read(&person(7)), Err(Refusal::NotMember));
    let outcome = fixture.act_as(&Caller::Operator, delete(posted)).unwrap();
    assert_eq!(outcome.events[0].actor, None);
    assert_eq!(fixture.act_as(&Caller::Operator, delete(posted)), Err(Refusal::NotFound));
    let outsider = identity(42).hash();
    fixture.act_as(&Caller::Operator, ban(Who::Text(outsider.to_string()))).unwrap();
    assert!(matches!(
        fixture.act(42, Action::Join { nick: None, pass: Pass::None }),
        Err(Refusal::Banned { .. })
    ));
}

#[test]
fn the_state_is_the_fold_of_the_log() {
    let mut fixture = Fixture::new();
    for text in ["hello", "/nick Ann", "/leave", "/join", "more", "/members"] {
        fixture.reply(2, text);
    }
    fixture.reply(1, "/kick Bob Smith");
    fixture.reply(1, "/unban p9");
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn settings_are_changed_by_those_who_may_and_listed_to_members() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.reply(1, "/set join-cost 12"), "Set: join-cost=12");
    assert_eq!(fixture.reply(1, "/SET Capacity 0"), "capacity takes a number from 1 to 16384.");
    assert_eq!(fixture.reply(1, "/set colour red"), "Nothing found by that name or number.");
    assert_eq!(fixture.reply(1, "/set join-cost 12"), "It is so already.");
    assert_eq!(fixture.reply(2, "/set join-cost 0"), "You may not do that.");
    assert_eq!(fixture.reply(2, "/set join-cost"), "join-cost=12. It takes a number from 0 to 24.");
    assert_eq!(fixture.reply(1, "/set topic Low tide"), "Set: topic=Low tide");
    assert_eq!(fixture.reply(1, "/set topic -"), "Set: topic=");
    let mut listed = String::new();
    let mut command = "/set".to_owned();
    loop {
        let page = fixture.reply(2, &command);
        let (part, more) = page.split_once(". More: ").unwrap_or((&page, ""));
        listed.push_str(part);
        listed.push_str(", ");
        if more.is_empty() {
            break;
        }
        command = more.to_owned();
    }
    for key in Key::ALL {
        assert!(listed.contains(&format!("{}=", key.name())), "{key:?} in {listed}");
    }
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn several_settings_change_together_or_not_at_all() {
    let mut fixture = Fixture::new();
    let both = || vec![Setting::Topic("tide".into()), Setting::JoinCost(8)];
    assert_eq!(fixture.act(2, Action::Set { settings: both() }), Err(Refusal::NoPermission));
    let outcome = fixture.act(1, Action::Set { settings: both() }).unwrap();
    assert_eq!(outcome.events.len(), 2);
    let settings = fixture.group.settings();
    assert_eq!((settings.topic.as_str(), settings.join_cost), ("tide", 8));
}

#[test]
fn a_new_limit_holds_from_the_next_message_on() {
    let mut fixture = Fixture::new();
    fixture.act(1, Action::Set { settings: vec![Setting::PostsPerMinute(1)] }).unwrap();
    fixture.act(2, post("one")).unwrap();
    assert!(matches!(fixture.act(2, post("two")), Err(Refusal::RateLimited { .. })));
    fixture.act(1, Action::Set { settings: vec![Setting::PostsPerMinute(0)] }).unwrap();
    fixture.act(2, post("two")).unwrap();
}

#[test]
fn a_group_begins_with_the_settings_that_it_was_given() {
    let given = Settings { name: "Harbour".into(), join_cost: 9, capacity: 0, ..Settings::default() };
    let (group, events) = Group::create(at(0), &given, None);
    assert_eq!(
        *group.settings(),
        Settings { capacity: CAPACITY_MAX, ..given },
        "what does not fit is the default"
    );
    assert_eq!(State::replay(&events), *group.state());
}
