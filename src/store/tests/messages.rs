//! Messages in the store: what becomes of them in pages, who finds them, and that words find what is there now.

use super::*;
use crate::group::{
    Attachment, AttachmentKind, Audience, Content, Known, LISTED_MAX, ListRequest, Needs, PendingId,
    PieceRequest, PostKind, Reaction, ReadingRequest, Refusal, Relation, Setting, Viewer,
};
use crate::store::Seen;

/// A group with members 1 to 3; each action is one second after the one before.
struct Room {
    folder: Folder,
    store: Option<Store>,
    group: Group,
    now: u64,
}

impl Room {
    fn new() -> Self {
        let folder = Folder::new();
        let (store, _) = folder.open();
        let (group, created) = create();
        store.submit(created);
        let mut room = Self { folder, store: Some(store), group, now: 0 };
        for n in 1..=3 {
            room.act(n, Action::Join { nick: None, pass: Pass::None });
        }
        room
    }

    /// What person `n` does, with what the store knows of the past. Returns the number of its last event.
    fn act(&mut self, n: u8, action: Action) -> Seq {
        self.flush();
        self.now += 1;
        let known = self.known(&action.needs(), n);
        let outcome = self.group.decide_knowing(at(self.now), &person(n), action, &known).unwrap();
        let seq = outcome.seq().unwrap();
        self.store.as_ref().unwrap().submit(decision(outcome.events, None));
        seq
    }

    fn say(&mut self, n: u8, text: &str) -> Seq {
        self.act(n, Action::Post(Draft::text(text)))
    }

    fn known(&self, needs: &Needs, n: u8) -> Known {
        self.reader().known(GROUP, Some(MemberId(n.into())), needs).unwrap()
    }

    /// Everything that was submitted is durable afterwards; what the group remembers of it, it forgets.
    fn flush(&mut self) {
        self.store = None;
        let (store, mut restored) = self.folder.open();
        let restored = restored.groups.remove(0);
        assert_eq!(restored.state, *self.group.state());
        self.group = Group::restore(restored.state, Vec::new());
        self.store = Some(store);
    }

    fn reader(&self) -> Reader {
        self.store.as_ref().unwrap().reader().unwrap()
    }

    fn page(&mut self, viewer: Viewer, after: u64, filter: Filter) -> Vec<crate::store::Entry> {
        self.flush();
        let request = PageRequest {
            after: Some(Seq(after)),
            before: None,
            filter,
            rows_max: 100,
            text_bytes_max: 10_000,
            with_authors: false,
            viewer,
        };
        self.reader().history(GROUP, &request).unwrap().entries
    }

    fn found(&mut self, viewer: Viewer, words: &str) -> Vec<u64> {
        let entries = self.page(viewer, 0, Filter::Words(words.to_owned()));
        entries.iter().map(|entry| entry.event.seq.0).collect()
    }
}

fn viewer(n: u32) -> Viewer {
    Viewer { member: Some(MemberId(n)), ..Viewer::default() }
}

fn text(entry: &crate::store::Entry) -> &str {
    match &entry.event.kind {
        EventKind::Posted(post) => &post.text,
        EventKind::Edited { text, .. } => text,
        _ => "",
    }
}

#[test]
fn a_page_tells_what_became_of_messages() {
    let mut room = Room::new();
    let first = room.say(1, "teh ropes");
    let react = |reaction: &str| Action::React { target: first, reaction: reaction.into(), remove: false };
    room.act(2, react("👍"));
    room.act(3, react("👍"));
    room.act(3, react("🎉"));
    room.act(3, Action::React { target: first, reaction: "🎉".into(), remove: true });
    let old = room.act(1, Action::Edit { target: first, text: "the rops".into() });
    let new = room.act(1, Action::Edit { target: first, text: "the ropes".into() });
    let reply = Draft { reply_to: Some(first), relation: Relation::Comment, ..Draft::text("mine") };
    let reply = room.act(2, Action::Post(reply));
    let deed = room.act(2, Action::Post(Draft { kind: PostKind::Deed, ..Draft::text("waves") }));

    let page = room.page(viewer(3), first.0 - 1, Filter::All);
    assert_eq!(page.len(), 9, "nothing that happened is left out");
    let details = page[0].details.as_ref().unwrap();
    assert_eq!((text(&page[0]), details.edited), ("the ropes", true));
    let [thumbs] = &details.reactions[..] else { panic!("{details:?}") };
    assert_eq!((thumbs.reaction.as_str(), thumbs.count, thumbs.own), ("👍", 2, true));
    let at = |seq: Seq| page.iter().find(|entry| entry.event.seq == seq).unwrap();
    assert!(at(old).details.as_ref().unwrap().superseded && text(at(old)).is_empty());
    assert_eq!((text(at(new)), &at(new).details), ("the ropes", &None));
    let quote = at(reply).details.as_ref().unwrap().quote.as_ref().unwrap();
    assert_eq!((quote.author, quote.text.as_str()), (Some(MemberId(1)), "the ropes"));
    let EventKind::Posted(post) = &at(deed).event.kind else { panic!("no post") };
    assert_eq!((post.kind, post.nick.as_deref()), (PostKind::Deed, Some("P2")));

    let stored = room.reader().stored_post(GROUP, Some(MemberId(2)), first).unwrap().unwrap();
    assert_eq!(stored.own_reactions, [Reaction::parse("👍").unwrap()]);
    room.act(1, Action::Delete { target: first });
    let page = room.page(viewer(3), first.0 - 1, Filter::All);
    assert!(page.iter().all(|entry| !text(entry).contains("rop")), "no text of a deleted message is left");
    assert_eq!(page[0].details, None);
    let replies = page.iter().find(|entry| entry.event.seq == reply).unwrap();
    assert_eq!(replies.details.as_ref().unwrap().quote.as_ref().unwrap().text, "");
    let file = |room: &Room| fs::read(room.folder.0.join(DATABASE_FILE)).unwrap();
    room.store = None;
    assert!(!file(&room).windows(5).any(|window| window == b"ropes"), "nor on the disk, nor in the index");
}

#[test]
fn what_is_addressed_to_others_is_in_no_page_no_search_and_no_list() {
    let mut room = Room::new();
    let only = |n| Audience::only(false, [MemberId(n)], None);
    let secret = room.act(1, Action::Post(Draft { audience: only(2), ..Draft::text("secret ropes") }));
    let edit = room.act(1, Action::Edit { target: secret, text: "secret hooks".into() });
    let reaction = room.act(2, Action::React { target: secret, reaction: "👍".into(), remove: false });
    let staff = room.act(3, Action::Post(Draft { audience: Audience::staff(), ..Draft::text("hooks?") }));
    let public = room.say(3, "hooks for all");
    let staff_viewer = Viewer { staff: true, ..viewer(9) };
    let rows = [
        (viewer(1), vec![secret, edit, reaction, public], vec![secret, public]),
        (viewer(2), vec![secret, edit, reaction, public], vec![secret, public]),
        (viewer(3), vec![staff, public], vec![staff, public]),
        (staff_viewer, vec![staff, public], vec![staff, public]),
        (viewer(9), vec![public], vec![public]),
        (Viewer::OPERATOR, vec![secret, edit, reaction, staff, public], vec![secret, staff, public]),
    ];
    for (viewer, in_page, in_search) in rows {
        let seqs: Vec<_> =
            room.page(viewer, secret.0 - 1, Filter::All).iter().map(|entry| entry.event.seq).collect();
        assert_eq!(seqs, in_page, "{viewer:?}");
        assert!(room.found(viewer, "hooks").into_iter().map(Seq).eq(in_search.clone()), "{viewer:?}");
        let list = Some(ListRequest { viewer, ..ListRequest::default() });
        let known = room.known(&Needs { list, ..Needs::default() }, 1);
        assert!(known.list.iter().rev().map(|one| one.seq).eq(in_search), "{viewer:?}");
    }
}

#[test]
fn words_find_what_is_said_now_and_not_what_was_said_before() {
    let mut room = Room::new();
    let all = Viewer::OPERATOR;
    let first = room.say(1, "Die Brücke am Hafen");
    let second = room.say(2, "the harbour bridge");
    assert_eq!(room.found(all, "bruck"), [first.0], "accents do not matter, and a beginning is enough");
    assert_eq!(room.found(all, "BRIDGE harbour"), [second.0], "nor case, nor order");
    assert!(room.found(all, "bridge hafen").is_empty(), "all words have to be there");
    assert!(room.found(all, "\"; DROP TABLE").is_empty());
    room.act(2, Action::Edit { target: second, text: "the harbour ferry".into() });
    assert!(room.found(all, "bridge").is_empty());
    assert_eq!(room.found(all, "ferry"), [second.0]);
    room.act(2, Action::Edit { target: second, text: "a boat".into() });
    assert!(room.found(all, "ferry").is_empty());
    room.act(2, Action::Delete { target: second });
    assert!(room.found(all, "boat").is_empty());
    assert_eq!(room.found(all, "am hafen"), [first.0]);
}

#[test]
fn threads_and_pins_have_pages_of_their_own() {
    let mut room = Room::new();
    let root = room.say(1, "root");
    let in_thread = |text: &str| Action::Post(Draft { thread: Some(root), ..Draft::text(text) });
    let thread = [room.act(2, in_thread("a")), room.act(1, in_thread("b"))];
    room.say(3, "aside");
    let seqs =
        |entries: Vec<crate::store::Entry>| entries.iter().map(|entry| entry.event.seq).collect::<Vec<_>>();
    assert_eq!(seqs(room.page(viewer(1), 0, Filter::Thread(root))), thread);
    let pin = |target| Action::Pin { target, remove: false };
    room.flush();
    let pinned =
        room.group.decide_knowing(at(90), &Caller::Operator, pin(root), &room.known(&pin(root).needs(), 1));
    room.store.as_ref().unwrap().submit(decision(pinned.unwrap().events, None));
    assert_eq!(seqs(room.page(viewer(1), 0, Filter::Pinned)), [root]);
    let list = Some(ListRequest { viewer: viewer(1), before: Some(thread[1]), words: None });
    let known = room.known(&Needs { list, ..Needs::default() }, 1);
    assert!(known.list.len() <= LISTED_MAX && known.list[0].seq == thread[0] && known.list[1].seq == root);
}

#[test]
fn members_ids_of_messages_are_found_both_ways_and_only_the_newest_are_kept() {
    let folder = Folder::new();
    let store = filled(&folder, 600);
    let copy_as = |seq: u64, name: u64| Write::Delivered {
        group: GROUP,
        cursor: Cursor { member: MemberId(1), through: Seq(seq) },
        copy: Some(id(name)),
        row: OutboxRow::None,
    };
    let copy = |seq: u64| copy_as(seq, 10_000 + seq);
    store.submit(Write::Understands { group: GROUP, member: MemberId(1) });
    for seq in 3..603 {
        store.submit(copy(seq));
    }
    // A reaction that came in one message with the newest post.
    store.submit(copy_as(603, 10_602));
    let (store, restored) = reopened(&folder, store);
    assert_eq!(restored.groups[0].understanding, [MemberId(1)]);
    let reader = store.reader().unwrap();
    let member = MemberId(1);
    assert_eq!(reader.copy_of(GROUP, member, Seq(602)).unwrap(), Some(id(10_602)));
    assert_eq!(reader.message_named(GROUP, member, &id(10_602)).unwrap(), Some(Seq(602)));
    assert_eq!(reader.message_named(GROUP, MemberId(2), &id(10_602)).unwrap(), None, "it is their own id");
    assert_eq!(reader.copy_of(GROUP, member, Seq(20)).unwrap(), None, "the oldest went");
    let needs = Needs { reference: Some(id(10_500)), ..Needs::default() };
    let known = reader.known(GROUP, Some(member), &needs).unwrap();
    assert!(known.reference == Some(Seq(500)) && known.posts.contains_key(&Seq(500)));
    let left = Event { seq: Seq(603), time: at(700), actor: Some(member), kind: EventKind::Left { member } };
    store.submit(decision(vec![left], None));
    let (store, restored) = reopened(&folder, store);
    assert!(restored.groups[0].understanding.is_empty());
    assert_eq!(store.reader().unwrap().copy_of(GROUP, member, Seq(602)).unwrap(), None);
}

#[test]
fn what_messages_said_is_remembered_across_a_restart() {
    let folder = Folder::new();
    let (store, _) = folder.open();
    let content = Content::of(b"a", b"g", b"", b"see you at the harbour", b"\x80");
    let seen = Seen { message: id(1), content: Some((content, at(5))) };
    store.submit(Write::Decision { group: GROUP, events: Vec::new(), seen: Some(seen) });
    store.submit(decision(Vec::new(), Some(id(2))));
    let (_store, restored) = reopened(&folder, store);
    assert_eq!((restored.seen.len(), &restored.contents[..]), (2, &[(content, at(5))][..]));
    let mut window = Dedup::restore(restored.seen);
    window.restore_contents(restored.contents);
    assert!(window.contains_content(content, at(3_600)));
}

#[test]
fn a_read_mark_only_goes_forward_and_tells_what_is_left() {
    let mut room = Room::new();
    let first = room.say(1, "one");
    room.say(2, "mine");
    room.act(
        1,
        Action::Post(Draft { audience: Audience::only(false, [MemberId(3)], None), ..Draft::text("x") }),
    );
    let last = room.say(3, "three");
    let mut reading = |mark: Option<Seq>, at_least: Seq| {
        let through = mark.map(|through| Write::Read { group: GROUP, member: MemberId(2), through });
        through.map(|write| room.store.as_ref().unwrap().submit(write));
        room.flush();
        let request = Some(ReadingRequest { viewer: viewer(2), at_least });
        let known = room.known(&Needs { reading: request, ..Needs::default() }, 2);
        (known.reading.through, known.reading.unread)
    };
    assert_eq!(reading(None, Seq(0)), (Seq(0), 2), "neither one's own, nor what is for others");
    assert_eq!(reading(Some(first), Seq(0)), (first, 1));
    assert_eq!(reading(Some(Seq(1)), Seq(0)), (first, 1));
    assert_eq!(reading(None, last), (last, 0), "before the store knows it");
}

#[test]
fn earlier_texts_are_kept_until_the_message_is_deleted_for_those_who_may_read_them() {
    let mut room = Room::new();
    let post = room.say(1, "one");
    for text in ["two", "three"] {
        room.act(1, Action::Edit { target: post, text: text.into() });
    }
    let needs = Needs { posts: vec![post], texts: Some(post), ..Needs::default() };
    let known = |room: &mut Room| {
        room.flush();
        room.known(&needs, 1)
    };
    let found = known(&mut room);
    let texts: Vec<_> = found.texts.iter().map(|text| text.text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    let may = |room: &Room, caller: &Caller| room.group.authorize_earlier_texts(caller, post, &found).is_ok();
    assert!(may(&room, &person(1)) && may(&room, &Caller::Operator) && !may(&room, &person(2)));
    room.act(1, Action::Delete { target: post });
    assert!(known(&mut room).texts.is_empty());
}

#[test]
fn attachments_are_kept_until_their_message_is_deleted_or_newer_ones_need_the_room() {
    let mut room = Room::new();
    let mb = |fill| Attachment::new(AttachmentKind::File, "tides.txt", &vec![fill; 400_000]);
    let post = |fill| Action::Post(Draft { attachments: vec![mb(fill)], ..Draft::default() });
    let bytes = |room: &mut Room, seq| {
        room.flush();
        let found = room.reader().attached(GROUP, seq).unwrap();
        found.into_iter().map(|one| (one.label(), one.data.0.map(|data| data[0]))).collect::<Vec<_>>()
    };
    let label = String::from("tides.txt 400 kB");
    let quota = Setting::AttachmentsMbMax(1);
    let set = Action::Set { settings: vec![quota] };
    let outcome = room.group.decide(at(room.now), &Caller::Operator, set).unwrap();
    room.store.as_ref().unwrap().submit(decision(outcome.events, None));
    let [first, second] = [1, 2].map(|fill| room.act(1, post(fill)));
    assert_eq!(bytes(&mut room, first), [(label.clone(), Some(1))]);
    let third = room.act(1, post(3));
    assert_eq!(bytes(&mut room, first), [(label.clone(), None)], "name and size stay");
    assert_eq!(bytes(&mut room, second), [(label.clone(), Some(2))]);
    room.act(1, Action::Delete { target: second });
    assert_eq!(bytes(&mut room, second), []);
    assert_eq!(bytes(&mut room, third), [(label, Some(3))]);
}

#[test]
fn a_piece_of_an_attachment_is_found_by_place_and_told_with_its_hash_until_it_is_gone() {
    let mut room = Room::new();
    let data: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let attachments = vec![
        Attachment::new(AttachmentKind::Audio(16), "", b"voice"),
        Attachment::new(AttachmentKind::File, "tides.txt", &data),
    ];
    let post = room.act(1, Action::Post(Draft { attachments: attachments.clone(), ..Draft::default() }));
    room.flush();
    let piece = |room: &Room, place, offset, bytes_max| {
        let request = PieceRequest { seq: post, held: None, place, offset, bytes_max };
        room.known(&Needs { piece: Some(Box::new(request)), ..Needs::default() }, 2).piece
    };
    // place, offset, bytes, what comes
    let rows = [
        (0, 0, 100, Some(&b"voice"[..])),
        (0, 2, 2, Some(b"ic")),
        (0, 5, 9, Some(b"")),
        (1, 100_000, 50_000, Some(&data[100_000..150_000])),
        (1, 199_999, u32::MAX, Some(&data[199_999..])),
        (1, u32::MAX, u32::MAX, Some(b"")),
        (2, 0, 1, None),
    ];
    for (place, offset, bytes_max, expected) in rows {
        let found = piece(&room, place, offset, bytes_max);
        let of = found.as_ref().map(|piece| piece.of.clone());
        assert_eq!(of.as_ref(), attachments.get(usize::from(place)), "hash and all");
        assert_eq!(found.and_then(|piece| piece.data).as_deref(), expected, "{place} {offset} {bytes_max}");
    }
    let gone = |room: &Room| {
        let entry = room.reader().entry_at(GROUP, post).unwrap().unwrap();
        entry.details.map_or(0, |details| details.attachments_gone)
    };
    assert_eq!(gone(&room), 0);
    let quota = Action::Set { settings: vec![Setting::AttachmentsMbMax(1)] };
    let outcome = room.group.decide(at(room.now), &Caller::Operator, quota).unwrap();
    room.store.as_ref().unwrap().submit(decision(outcome.events, None));
    for fill in 0..3 {
        let attachments = vec![Attachment::new(AttachmentKind::Image, "webp", &vec![fill; 400_000])];
        room.act(1, Action::Post(Draft { attachments, ..Draft::default() }));
    }
    room.flush();
    assert_eq!(gone(&room), 0b11);
    let found = piece(&room, 1, 0, 1).unwrap();
    assert_eq!((found.of.size, found.data), (200_000, None));
}

#[test]
fn what_waits_is_no_message_that_could_be_answered_by_its_number() {
    let mut room = Room::new();
    let hold = Action::Set { settings: vec![Setting::HoldFirst(1)] };
    let outcome = room.group.decide(at(room.now), &Caller::Operator, hold).unwrap();
    room.store.as_ref().unwrap().submit(decision(outcome.events, None));
    let attachments = vec![Attachment::new(AttachmentKind::File, "a", b"secret")];
    let held = room.act(1, Action::Post(Draft { attachments, ..Draft::text("not yet") }));
    room.flush();
    let request = PieceRequest { seq: held, held: None, place: 0, offset: 0, bytes_max: 9 };
    let needs = Needs { posts: vec![held], piece: Some(Box::new(request)), ..Needs::default() };
    let known = room.known(&needs, 2);
    assert!(known.posts.is_empty(), "{known:?}");
    assert_eq!(room.group.piece(&person(2), &request, &known), Err(Refusal::NotFound));
    let waiting = PieceRequest { held: Some(PendingId(1)), ..request };
    assert_eq!(room.group.piece(&person(2), &waiting, &known), Err(Refusal::NoPermission));
    let found = room.group.piece(&Caller::Operator, &waiting, &known).unwrap();
    assert_eq!(found.1, b"secret", "who decides may look");
}

#[test]
fn a_stretch_holds_what_every_reader_sees_and_marks_what_they_see_otherwise() {
    let mut room = Room::new();
    let first = room.say(1, "plain");
    let edited = room.say(1, "edted");
    room.act(1, Action::Edit { target: edited, text: "edited".into() });
    let reacted = room.say(2, "liked");
    room.act(3, Action::React { target: reacted, reaction: "👍".into(), remove: false });
    room.act(2, Action::Post(Draft { reply_to: Some(first), ..Draft::text("a reply") }));
    let staff = Draft { audience: Audience::staff(), ..Draft::text("for staff") };
    room.act(2, Action::Post(staff));
    let gone = room.say(3, "gone");
    room.act(3, Action::Delete { target: gone });

    let viewers = [viewer(1), viewer(2), viewer(3), Viewer::OPERATOR];
    let pages = viewers.map(|viewer| room.page(viewer, 0, Filter::All));
    let id = crate::store::StretchId::of(first);
    let stretch = room.reader().stretch(GROUP, id).unwrap().unwrap();
    assert_eq!(stretch.head, room.group.state().head);
    assert_eq!(stretch.entries.len(), pages[3].len(), "all that the operator reads is there");
    let mut shared = 0;
    for kept in &stretch.entries {
        let is_shown = |page: &Vec<crate::store::Entry>| page.contains(&kept.entry);
        assert!(is_shown(&pages[3]));
        if !kept.depends_on_reader {
            shared += 1;
            assert!(pages.iter().all(is_shown), "{:?}", kept.entry);
        }
    }
    // Joining, plain, edited, the reply, and what is left of the deleted one.
    assert!(shared >= 5, "{stretch:?}");
    let marked =
        |seq: Seq| stretch.entries.iter().any(|kept| kept.entry.event.seq == seq && kept.depends_on_reader);
    assert!(marked(reacted) && !marked(first));
}
