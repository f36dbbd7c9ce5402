//! What can be done with messages, through the text door and as actions: one scenario a feature.

use super::*;
use crate::group::post::{REACTIONS_PER_MEMBER_MAX, REACTIONS_PER_POST_MAX};

/// Nothing is limited; person 1 is the owner, 2 and 3 (`Bob Smith`) are members.
fn fixture() -> Fixture {
    Fixture::with_settings(Settings { posts_per_minute: 0, ..Settings::default() })
}

fn posted(outcome: &Outcome) -> &Post {
    match outcome.events.as_slice() {
        [Event { kind: EventKind::Posted(post), .. }] => post,
        other => panic!("no post: {other:?} {:?}", outcome.reply),
    }
}

fn draft(text: &str) -> Draft {
    Draft::text(text)
}

fn react(target: Seq, reaction: &str, remove: bool) -> Action {
    Action::React { target, reaction: reaction.to_owned(), remove }
}

fn edit(target: Seq, text: &str) -> Action {
    Action::Edit { target, text: text.to_owned() }
}

#[test]
fn a_post_keeps_its_authors_nick_and_whom_it_mentions() {
    let mut fixture = fixture();
    let outcome = fixture.say(at(0), 2, "@bob smith and @1: come");
    let post = posted(&outcome);
    assert_eq!((post.nick.as_deref(), &post.mentions[..]), (Some("P2"), &[MemberId(1), MemberId(3)][..]));
    let waves = fixture.say(at(0), 2, "/me waves");
    assert_eq!((posted(&waves).kind, posted(&waves).text.as_str()), (PostKind::Deed, "waves"));
}

#[test]
fn a_reply_names_the_message_by_number_or_the_last_one_of_a_person() {
    let mut fixture = fixture();
    let first = fixture.say(at(0), 3, "Who comes?").seq().unwrap();
    let second = fixture.say(at(0), 3, "At eight").seq().unwrap();
    for (text, target) in [
        (format!("/reply {first} I do"), first),
        (format!("/reply #{first} I do"), first),
        ("/reply Bob Smith I do".to_owned(), second),
    ] {
        let outcome = fixture.say(at(0), 2, &text);
        assert_eq!((posted(&outcome).reply_to, posted(&outcome).text.as_str()), (Some(target), "I do"));
    }
    assert_eq!(fixture.reply(2, "/reply 999 yes"), "Nothing found by that name or number.");
    fixture.act(3, Action::Delete { target: second }).unwrap();
    let outcome = fixture.say(at(0), 2, "/reply Bob Smith fine");
    assert_eq!(posted(&outcome).reply_to, Some(first), "what was deleted is nobody's last message");
}

#[test]
fn a_thread_goes_on_in_the_answers_to_its_messages() {
    let mut fixture = fixture();
    let root = fixture.act(2, post("root")).unwrap().seq().unwrap();
    let in_thread = |thread, reply_to| Action::Post(Draft { thread, reply_to, ..draft("x") });
    let second = fixture.act(3, in_thread(Some(root), None)).unwrap();
    assert_eq!(posted(&second).thread, Some(root));
    let third = fixture.act(2, in_thread(None, second.seq())).unwrap();
    assert_eq!(posted(&third).thread, Some(root), "an answer stands where the answered stands");
    let fourth = fixture.act(2, in_thread(third.seq(), None)).unwrap();
    assert_eq!(posted(&fourth).thread, Some(root), "a thread has one beginning");
    let aside = fixture.act(2, in_thread(None, Some(root))).unwrap();
    assert_eq!(posted(&aside).thread, None, "an answer alone begins no thread");
}

#[test]
fn only_the_audience_finds_a_message_and_can_answer_it() {
    let mut fixture = fixture();
    let to = |audience| Action::Post(Draft { audience, ..draft("secret") });
    let staff = fixture.say(at(0), 2, "/staff who is that?");
    let seq = staff.seq().unwrap();
    assert_eq!(posted(&staff).audience, Audience::staff());
    for (n, sees) in [(1, true), (2, true), (3, false)] {
        let done = fixture.act(n, react(seq, "👍", false));
        assert_eq!(done.is_ok(), sees, "person {n}: {done:?}");
        let reply = Action::Post(Draft { reply_to: Some(seq), ..draft("it is me") });
        assert_eq!(fixture.act(n, reply).is_ok(), sees, "person {n}");
    }
    let answer = Action::Post(Draft { reply_to: Some(seq), ..draft("somebody") });
    let answer = fixture.act(1, answer).unwrap();
    let asker = fixture.member(2);
    assert_eq!(posted(&answer).audience, Audience::only(true, [asker], None), "who asked hears the answer");

    let named = fixture.act(2, to(Audience::only(false, [fixture.member(3)], None))).unwrap().seq().unwrap();
    assert!(fixture.act(3, react(named, "👍", false)).is_ok());
    assert_eq!(fixture.act(1, react(named, "👍", false)), Err(Refusal::NotFound), "not even the owner");
    assert!(fixture.act_as(&Caller::Operator, Action::Delete { target: named }).is_ok());
    assert_eq!(fixture.act(2, to(Audience::only(false, [MemberId(99)], None))), Err(Refusal::NotFound));
    assert_eq!(fixture.act(2, to(Audience::only(false, [fixture.member(2)], None))), Err(Refusal::NotFound));
    let crowd = (1..40).map(MemberId);
    assert_eq!(
        fixture.act(2, to(Audience::only(false, crowd, None))),
        Err(Refusal::Full { max: AUDIENCE_MAX })
    );
}

#[test]
fn an_author_edits_their_own_and_the_owner_anybodys() {
    let mut fixture = fixture();
    let seq = fixture.say(at(0), 2, "teh rope").seq().unwrap();
    let edited = fixture.say(at(0), 2, "/edit the rope @1");
    let [Event { kind: EventKind::Edited { target, text, mentions }, .. }] = &edited.events[..] else {
        panic!("{edited:?}")
    };
    assert_eq!((*target, text.as_str(), &mentions[..]), (seq, "the rope @1", &[MemberId(1)][..]));
    assert_eq!(fixture.act(3, edit(seq, "x")), Err(Refusal::NoPermission));
    assert!(fixture.act(1, edit(seq, "x")).is_ok());
    assert_eq!(fixture.act(2, edit(seq, " ")), Err(Refusal::Empty));
    fixture.say(at(0), 2, "/delete");
    assert_eq!(fixture.act(2, edit(seq, "x")), Err(Refusal::NotFound));
}

#[test]
fn reactions_are_shown_once_taken_back_and_bounded() {
    let mut fixture = fixture();
    let seq = fixture.say(at(0), 3, "done").seq().unwrap();
    assert_eq!(fixture.say(at(0), 2, "/react 👍").events.len(), 1, "the newest message of others");
    assert_eq!(fixture.reply(2, "/react 👍"), "It is so already.");
    assert_eq!(fixture.act(2, react(seq, "🎉", true)), Err(Refusal::NotFound));
    assert!(fixture.act(2, react(seq, "👍", true)).is_ok());
    assert_eq!(fixture.act(2, react(seq, "👍", true)), Err(Refusal::NotFound));
    for reaction in ["a", "b", "c"] {
        assert!(fixture.act(2, react(seq, reaction, false)).is_ok());
    }
    let full = Err(Refusal::Full { max: REACTIONS_PER_MEMBER_MAX });
    assert_eq!(fixture.act(2, react(seq, "d", false)), full);
    assert_eq!(fixture.act(3, react(seq, "two words", false)), Err(Refusal::BadReaction));
    let reactions: Vec<_> =
        (0..REACTIONS_PER_POST_MAX).map(|n| Reaction::parse(&format!("r{n}")).unwrap()).collect();
    let crowded = StoredPost { reactions, ..StoredPost::default() };
    let known = Known { posts: [(seq, crowded)].into(), ..Known::default() };
    let mut decide = |action| fixture.group.decide_knowing(at(0), &person(3), action, &known);
    assert_eq!(decide(react(seq, "new", false)), Err(Refusal::Full { max: REACTIONS_PER_POST_MAX }));
    assert!(decide(react(seq, "r3", false)).is_ok(), "one of those that are there goes on");
}

#[test]
fn a_group_can_say_which_reactions_it_takes() {
    let settings = Settings { reactions: "👍 ❤️".into(), posts_per_minute: 0, ..Settings::default() };
    let mut fixture = Fixture::with_settings(settings);
    let seq = fixture.say(at(0), 3, "done").seq().unwrap();
    assert!(fixture.act(2, react(seq, "❤️", false)).is_ok());
    assert_eq!(fixture.act(2, react(seq, "💩", false)), Err(Refusal::BadReaction));
}

#[test]
fn pins_are_set_and_lifted_by_those_who_may_and_go_with_the_message() {
    let mut fixture = fixture();
    let [first, second] = ["a", "b"].map(|text| fixture.say(at(0), 2, text).seq().unwrap());
    assert_eq!(fixture.reply(2, &format!("/pin {first}")), "You may not do that.");
    for seq in [first, second] {
        fixture.reply(1, &format!("/pin {seq}"));
    }
    assert_eq!(fixture.reply(1, &format!("/pin {first}")), "It is so already.");
    assert!(fixture.group.state().pins.iter().eq([&first, &second]));
    fixture.reply(1, &format!("/unpin {second}"));
    fixture.act(2, Action::Delete { target: first }).unwrap();
    assert!(fixture.group.state().pins.is_empty());
    assert_eq!(State::replay(&fixture.log), *fixture.group.state());
}

#[test]
fn a_notice_is_posted_by_the_staff_and_by_the_operator() {
    let mut fixture = fixture();
    assert_eq!(fixture.reply(2, "/notice x"), "You may not do that.");
    assert_eq!(posted(&fixture.say(at(0), 1, "/notice We close.")).kind, PostKind::Notice);
    let notice = Action::Post(Draft { kind: PostKind::Notice, ..draft("Back at nine") });
    let outcome = fixture.act_as(&Caller::Operator, notice).unwrap();
    assert_eq!((outcome.events[0].actor, posted(&outcome).nick.as_deref()), (None, None));
}

#[test]
fn a_list_has_numbers_ages_and_the_way_to_older_ones() {
    let mut fixture = fixture();
    let listed = |seq: u64, ago: u64, text: &str| Listed {
        seq: Seq(seq),
        time: at(100_000 - ago),
        nick: Some("Bob".into()),
        post: Post { text: text.into(), ..Post::default() },
    };
    let list = vec![listed(31, 10, "And\nthe hooks"), listed(30, 720, "Ropes"), listed(4, 90_000, "Hello")];
    let known = Known { list, ..Known::default() };
    let mut ask = |text: &str, known: &Known| {
        let outcome = fixture.group.handle_text(at(100_000), &person(2), incoming(text, 1), known);
        outcome.reply.unwrap()
    };
    assert_eq!(ask("/new", &known), "#4 1d Bob: Hello\n#30 12m Bob: Ropes\n#31 now Bob: And the hooks");
    assert_eq!(ask("/since 1h", &known), "#30 12m Bob: Ropes\n#31 now Bob: And the hooks");
    assert_eq!(ask("/search nothing", &Known::default()), "Nothing found.");
    let many = (0..LISTED_MAX as u64).map(|n| listed(500 - n, 60 * n, &"long words ".repeat(20))).collect();
    let reply = ask("/new", &Known { list: many, ..Known::default() });
    assert!(reply.len() <= REPLY_BYTES_MAX && reply.ends_with("\nMore: /new 499"), "{reply}");
    let needs = fixture.group.needs_of_text(at(0), &person(2), &incoming("/search the harb", 1));
    assert_eq!(needs.list.unwrap().words.as_deref(), Some("the harb"));
}

#[test]
fn attachments_need_a_permission_and_room_and_stand_for_the_text_where_there_is_none() {
    let mut fixture = fixture();
    let photo = |bytes: usize| Attachment::new(AttachmentKind::Image, "webp", &vec![0; bytes]);
    let post = |attachments| Action::Post(Draft { attachments, ..Draft::default() });
    let mut act = |n, action| fixture.act(n, action);
    let outcome = act(2, post(vec![photo(83_500)])).unwrap();
    let said = posted(&outcome);
    assert_eq!((said.text.as_str(), said.attachments[0].size), ("[photo 84 kB]", 83_500));
    let too_large = Refusal::AttachmentTooLarge { kb_max: 512 };
    assert_eq!(act(2, post(vec![photo(512_001)])).unwrap_err(), too_large);
    let too_many = Refusal::TooManyAttachments { max: 8 };
    assert_eq!(act(2, post(vec![photo(1); 9])).unwrap_err(), too_many);
    assert_eq!(act(2, post(Vec::new())).unwrap_err(), Refusal::Empty);
    let mut quota =
        |mb| fixture.act(1, Action::Set { settings: vec![Setting::AttachmentsMbMax(mb)] }).unwrap();
    quota(0);
    assert_eq!(fixture.act(2, post(vec![photo(1)])).unwrap_err(), Refusal::NoAttachments);
}
