use super::*;

const A: MemberId = MemberId(1);
const B: MemberId = MemberId(2);
const C: MemberId = MemberId(3);

fn min(minutes: u64) -> Instant {
    Instant::from_micros(minutes * 60_000_000)
}

fn group_of(members: &[MemberId]) -> Delivery {
    let mut delivery = Delivery::default();
    members.iter().for_each(|member| delivery.on_joined(*member, Seq(0)));
    delivery
}

fn fast(_: MemberId) -> Reach {
    Reach::Fast
}

/// How far a member is served after a copy ended.
fn through(settled: Option<Settled>) -> Option<(MemberId, u64)> {
    settled.map(|settled| (settled.cursor.member, settled.cursor.through.0))
}

fn proven(delivery: &mut Delivery, member: MemberId, seq: u64) -> Option<(MemberId, u64)> {
    match delivery.on_delivered(member, Seq(seq))? {
        Proven::Next(settled) => through(Some(settled)),
        Proven::Stored(_) => None,
    }
}

fn dispatched(delivery: &mut Delivery) -> Vec<(MemberId, u64)> {
    std::iter::from_fn(|| delivery.poll(fast)).map(|copy| (copy.member, copy.seq.0)).collect()
}

#[test]
fn a_post_goes_to_everybody_but_its_author_in_order_and_one_at_a_time() {
    let mut delivery = group_of(&[A, B, C]);
    delivery.on_posted(min(0), Seq(1), Some(A));
    delivery.on_posted(min(0), Seq(2), Some(B));
    assert_eq!(delivery.pending(), 4);
    assert_eq!(dispatched(&mut delivery), [(B, 1), (C, 1), (A, 2)]);
    assert_eq!(proven(&mut delivery, C, 1), Some((C, 1)));
    assert_eq!(dispatched(&mut delivery), [(C, 2)]);
    assert_eq!(proven(&mut delivery, C, 1), None, "proven twice counts once");
    for (member, seq) in [(B, 1), (A, 2), (C, 2)] {
        assert!(delivery.on_delivered(member, Seq(seq)).is_some());
    }
    assert_eq!(dispatched(&mut delivery), []);
    assert_eq!((delivery.pending(), delivery.poll_timeout()), (0, None), "nothing is kept and no timer runs");
    assert_eq!(delivery.counters(), DeliveryCounters { delivered: 4, ..DeliveryCounters::default() });
}

#[test]
fn who_is_away_is_tried_again_ever_more_seldom() {
    let mut delivery = group_of(&[B]);
    delivery.on_posted(min(0), Seq(1), Some(A));
    let mut now = 0;
    for wait in [1, 2, 5, 10, 20, 30, 30] {
        assert_eq!(dispatched(&mut delivery), [(B, 1)]);
        delivery.on_failed(min(now), B, Seq(1), Why::NoAnswer);
        assert_eq!(dispatched(&mut delivery), []);
        assert_eq!(delivery.poll_timeout(), Some(min(now + wait)));
        delivery.handle_timeout(min(now + wait - 1));
        assert_eq!(dispatched(&mut delivery), []);
        now += wait;
        delivery.handle_timeout(min(now));
    }
}

#[test]
fn who_is_heard_gets_what_they_lack_at_once() {
    let mut delivery = group_of(&[B]);
    delivery.on_posted(min(0), Seq(1), Some(A));
    delivery.poll(fast).unwrap();
    delivery.on_failed(min(0), B, Seq(1), Why::NoAnswer);
    delivery.on_posted(min(0), Seq(2), Some(A));
    assert_eq!(dispatched(&mut delivery), [], "a new post is no reason to hurry");
    delivery.on_heard(min(0), B);
    delivery.on_heard(min(0), B);
    assert_eq!(dispatched(&mut delivery), [(B, 1)]);
    delivery.on_heard(min(0), B);
    delivery.on_failed(min(0), B, Seq(1), Why::NoAnswer);
    assert_eq!(dispatched(&mut delivery), [(B, 1)], "heard while it was under way: once more at once");
    delivery.on_failed(min(0), B, Seq(1), Why::NoAnswer);
    assert_eq!(dispatched(&mut delivery), []);
    assert!(delivery.on_delivered(B, Seq(1)).is_some(), "a late proof counts");
    assert_eq!(dispatched(&mut delivery), [(B, 2)]);
}

#[test]
fn a_post_expires_after_a_day() {
    let mut delivery = group_of(&[B, C]);
    delivery.on_posted(min(0), Seq(1), Some(A));
    delivery.on_posted(min(60), Seq(2), Some(A));
    assert_eq!(dispatched(&mut delivery), [(B, 1), (C, 1)]);
    delivery.on_delivered(C, Seq(1)).unwrap();
    delivery.on_failed(min(1), B, Seq(1), Why::NoAnswer);
    let day = 24 * 60;
    delivery.handle_timeout(min(day));
    assert_eq!(delivery.counters().expired, 1);
    assert_eq!(dispatched(&mut delivery), [(C, 2), (B, 2)]);
    delivery.handle_timeout(min(day + 60));
    assert_eq!(delivery.counters().expired, 3);
    assert_eq!(proven(&mut delivery, B, 2), Some((B, 2)));
    assert_eq!(dispatched(&mut delivery), []);
}

#[test]
fn who_was_removed_gets_nothing_more() {
    let mut delivery = group_of(&[A, B, C]);
    for seq in 1..=3 {
        delivery.on_posted(min(0), Seq(seq), Some(A));
    }
    let expected = Dispatch { member: B, seq: Seq(1), form: Form::Alone, again: false };
    assert_eq!(delivery.poll(fast), Some(expected));
    delivery.on_removed(B);
    delivery.on_removed(C);
    assert_eq!(dispatched(&mut delivery), []);
    assert_eq!(proven(&mut delivery, B, 1), None);
    delivery.on_failed(min(0), B, Seq(1), Why::NoAnswer);
    delivery.on_heard(min(0), B);
    assert_eq!((delivery.pending(), delivery.poll_timeout()), (0, None));
    delivery.on_joined(B, Seq(3));
    assert_eq!(dispatched(&mut delivery), [], "and nothing old on return");
    delivery.on_posted(min(0), Seq(5), Some(A));
    assert_eq!(dispatched(&mut delivery), [(B, 5)]);
}

#[test]
fn what_can_never_be_accepted_does_not_hold_up_the_rest() {
    let mut delivery = group_of(&[B]);
    delivery.on_posted(min(0), Seq(1), Some(A));
    delivery.on_posted(min(0), Seq(2), Some(A));
    delivery.poll(fast).unwrap();
    assert_eq!(through(delivery.on_refused(B, Seq(1))), Some((B, 1)));
    assert_eq!(dispatched(&mut delivery), [(B, 2)]);
}

#[test]
fn a_restart_goes_on_where_the_cursors_stand() {
    let day = DELIVERY_PERIOD.as_secs();
    let unix = |s| UnixTime::from_secs(1_000_000 + s);
    let cursors = [(A, 0), (B, 2), (C, 4)].map(|(member, seq)| Cursor { member, through: Seq(seq) });
    let posts = [(1, B, 0), (2, A, 60), (3, A, 120), (4, B, 180)].map(|(seq, author, s)| LoggedPost {
        seq: Seq(seq),
        author: Some(author),
        time: unix(s),
    });
    let saved = SavedDelivery { cursors: cursors.into(), waiting: posts.into(), ..SavedDelivery::default() };
    let mut delivery = Delivery::restore(min(7), unix(day), saved);
    // Post 1 is a day old. A lacks 4 (2 and 3 are their own), B lacks 3 (4 is their own), C lacks nothing.
    assert_eq!(delivery.pending(), 2);
    assert_eq!(delivery.poll_timeout(), Some(min(7 + 2)), "post 3 expires two minutes from now");
    assert_eq!(dispatched(&mut delivery), [(A, 4), (B, 3)]);
    delivery.on_delivered(A, Seq(4)).unwrap();
    delivery.on_delivered(B, Seq(3)).unwrap();
    assert_eq!(dispatched(&mut delivery), []);
    assert_eq!(delivery.pending(), 0);
}

#[test]
fn what_may_have_left_before_a_restart_goes_alone_and_only_what_follows_together() {
    let saved = SavedDelivery {
        cursors: vec![Cursor { member: B, through: Seq(0) }],
        waiting: (1..=3)
            .map(|seq| LoggedPost { seq: Seq(seq), author: Some(A), time: UnixTime::from_secs(1_000_000) })
            .collect(),
        ..SavedDelivery::default()
    };
    let mut delivery = Delivery::restore(min(0), UnixTime::from_secs(1_000_000), saved);
    let slow = |_| Reach::Slow;
    for _ in 0..2 {
        let first = delivery.poll(slow).unwrap();
        assert_eq!((first.seq, first.form), (Seq(1), Form::Alone));
        delivery.on_failed(min(0), B, Seq(1), Why::Busy);
        delivery.on_heard(min(0), B);
    }
    delivery.poll(slow).unwrap();
    delivery.on_delivered(B, Seq(1)).unwrap();
    let rest = delivery.poll(slow).unwrap();
    assert_eq!((rest.seq, rest.form), (Seq(2), Form::Together));
}

#[test]
fn copies_under_way_and_posts_waiting_are_bounded() {
    let members: Vec<_> = (10..10 + 2 * PREPARING_MAX as u32).map(MemberId).collect();
    let mut delivery = group_of(&members);
    delivery.on_posted(min(0), Seq(1), Some(A));
    assert_eq!(dispatched(&mut delivery).len(), PREPARING_MAX);
    delivery.on_failed(min(0), members[0], Seq(1), Why::NoAnswer);
    delivery.on_removed(members[1]);
    assert_eq!(dispatched(&mut delivery).len(), 2);

    let mut delivery = group_of(&[B]);
    for seq in 1..=WAITING_POSTS_MAX as u64 + 5 {
        delivery.on_posted(min(0), Seq(seq), Some(A));
    }
    assert_eq!((delivery.pending(), delivery.counters().expired), (WAITING_POSTS_MAX, 5));
    assert_eq!(dispatched(&mut delivery), [(B, 6)]);
}

#[test]
fn silent_members_do_not_block_others() {
    let members: Vec<_> = (10..10 + AWAITING_MAX as u32 + 20).map(MemberId).collect();
    let mut delivery = group_of(&members);
    delivery.on_posted(min(0), Seq(1), Some(A));
    let mut sent = Vec::new();
    while let Some(copy) = delivery.poll(fast) {
        delivery.on_sent(copy.member, copy.seq, Some(Via::Packet));
        delivery.on_sent(copy.member, copy.seq, Some(Via::Packet));
        sent.push(copy.member);
    }
    assert_eq!(sent, members[..AWAITING_MAX], "nobody proves anything");
    assert_eq!((delivery.preparing(), delivery.awaiting()), (0, AWAITING_MAX));
    assert!(delivery.on_delivered(members[7], Seq(1)).is_some());
    delivery.on_failed(min(0), members[8], Seq(1), Why::NoAnswer);
    delivery.on_removed(members[9]);
    assert_eq!(delivery.awaiting(), AWAITING_MAX - 3);
    assert_eq!(dispatched(&mut delivery).len(), 3);
}

#[test]
fn those_who_are_cheap_to_reach_come_first_and_few_of_the_others_at_a_time() {
    let members: Vec<_> = (0..2 * SLOW_MAX as u32 + 6).map(|n| MemberId(10 + n)).collect();
    let reach = |member: MemberId| if member.0.is_multiple_of(2) { Reach::Slow } else { Reach::Fast };
    let mut delivery = group_of(&members);
    delivery.on_posted(min(0), Seq(1), Some(A));
    let mut sent = Vec::new();
    while let Some(copy) = delivery.poll(reach) {
        delivery.on_sent(copy.member, copy.seq, Some(Via::Packet));
        sent.push(copy.member);
    }
    let (first, then) = sent.split_at(SLOW_MAX + 3);
    assert!(first.iter().all(|member| reach(*member) == Reach::Fast));
    assert!(then.len() == SLOW_MAX && then.iter().all(|member| reach(*member) == Reach::Slow));
    delivery.on_removed(members[2 * SLOW_MAX + 4]);
    delivery.on_failed(min(0), then[0], Seq(1), Why::NoAnswer);
    assert_eq!(delivery.poll(reach).map(|copy| copy.member), Some(members[2 * SLOW_MAX]));
    assert_eq!(delivery.poll(reach), None);
}

fn gaps(delivery: &mut Delivery) -> Vec<(u64, u64, GapFate)> {
    std::iter::from_fn(|| delivery.poll_gap()).map(|gap| (gap.first.0, gap.last.0, gap.fate)).collect()
}

#[test]
fn the_ledger_tells_what_became_of_each_copy() {
    let mut delivery = group_of(&[A, B, C]);
    delivery.on_posted(min(0), Seq(4), Some(A));
    let fates = |delivery: &Delivery| [B, C].map(|member| delivery.fate(member, Seq(4)));
    assert_eq!(fates(&delivery), [Fate::Queued { last: None }; 2]);
    assert_eq!(dispatched(&mut delivery), [(B, 4), (C, 4)]);
    delivery.on_sent(B, Seq(4), Some(Via::Packet));
    delivery.on_sent(C, Seq(4), None);
    assert_eq!(fates(&delivery), [Fate::Sent { via: Some(Via::Packet) }, Fate::Sent { via: None }]);
    delivery.on_failed(min(1), C, Seq(4), Why::NoPath);
    delivery.on_delivered(B, Seq(4)).unwrap();
    assert_eq!(fates(&delivery), [Fate::Proven, Fate::Queued { last: Some(Why::NoPath) }]);
    delivery.on_removed(B);
    delivery.handle_timeout(min(24 * 60));
    assert_eq!(fates(&delivery), [Fate::NotPushed, Fate::Gap(GapFate::Expired)]);
    assert_eq!(delivery.expired_of(C), Some((Seq(0), Seq(4))));
}

#[test]
fn what_a_cursor_passes_without_a_proof_is_a_gap() {
    let mut delivery = group_of(&[B]);
    delivery.on_posted(min(0), Seq(2), Some(A));
    delivery.on_posted(min(0), Seq(3), Some(A));
    assert_eq!(dispatched(&mut delivery), [(B, 2)]);
    delivery.on_failed(min(0), B, Seq(2), Why::NoAnswer);
    delivery.handle_timeout(min(24 * 60));
    for seq in [5, 7, 9] {
        delivery.on_posted(min(24 * 60), Seq(seq), Some(A));
    }
    delivery.on_heard(min(0), B);
    delivery.on_stored(min(24 * 60), B, Seq(5)).unwrap();
    assert_eq!(gaps(&mut delivery), [(1, 3, GapFate::Expired), (4, 5, GapFate::Stored)]);
    delivery.on_refused(B, Seq(7)).unwrap();
    delivery.on_delivered(B, Seq(9)).unwrap();
    assert_eq!(gaps(&mut delivery), [(6, 7, GapFate::Refused)]);
    let DeliveryCounters { delivered, stored, refused, expired } = delivery.counters();
    assert_eq!((delivered, stored, refused, expired), (1, 1, 1, 2));
}

fn stored(delivery: &mut Delivery, member: MemberId, seq: u64) {
    assert_eq!(through(delivery.on_stored(min(0), member, Seq(seq))), Some((member, seq)));
}

#[test]
fn what_is_on_a_propagation_node_does_not_hold_up_the_rest_and_is_not_proven() {
    let mut delivery = group_of(&[B]);
    (1..=3).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
    assert_eq!(dispatched(&mut delivery), [(B, 1)]);
    assert_eq!(proven(&mut delivery, B, 1), Some((B, 1)));
    assert_eq!(dispatched(&mut delivery), [(B, 2)]);
    stored(&mut delivery, B, 2);
    assert_eq!(dispatched(&mut delivery), [(B, 3)]);
    assert_eq!(proven(&mut delivery, B, 3), Some((B, 3)));
    assert_eq!(delivery.proven_through(B), Some(Seq(1)), "the cursor moves only on proof");
    assert_eq!(dispatched(&mut delivery), []);
    assert_eq!(delivery.on_seen(B, Seq(1)), None);
    assert_eq!(delivery.on_seen(B, Seq(2)).map(|gap| gap.last), Some(Seq(2)), "they answered it");
    assert_eq!(delivery.proven_through(B), Some(Seq(3)));
    assert_eq!(delivery.on_seen(B, Seq(2)), None, "once");
}

#[test]
fn what_is_on_a_propagation_node_is_sent_once_more_when_its_member_is_heard_and_easily_reached() {
    let mut delivery = group_of(&[B]);
    (1..=3).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
    for seq in 1..=2 {
        assert_eq!(dispatched(&mut delivery), [(B, seq)]);
        stored(&mut delivery, B, seq);
    }
    assert_eq!(dispatched(&mut delivery), [(B, 3)]);
    delivery.on_heard(min(1), B);
    assert!(proven(&mut delivery, B, 3).is_some());
    let slow = |_| Reach::Slow;
    assert_eq!(delivery.poll(slow), None, "on a radio that would be air for nothing");
    delivery.on_heard(min(1), B);
    let again = delivery.poll(fast).unwrap();
    assert_eq!((again.seq, again.form, again.again), (Seq(1), Form::AsPosted, true));
    assert!(matches!(delivery.on_delivered(B, Seq(1)), Some(Proven::Stored(gap)) if gap.last == Seq(1)));
    assert_eq!(dispatched(&mut delivery), [(B, 2)]);
    assert_eq!(delivery.on_failed(min(1), B, Seq(2), Why::NoAnswer), None, "it is on the node still");
    assert_eq!(dispatched(&mut delivery), []);
    assert_eq!(delivery.proven_through(B), Some(Seq(1)));
    delivery.on_heard(min(24 * 60), B);
    assert_eq!(dispatched(&mut delivery), [], "and not for ever");
    assert_eq!(delivery.on_read(B, Seq(3)).map(|gap| gap.last), Some(Seq(2)));
    assert_eq!((delivery.on_read(B, Seq(3)), delivery.preparing(), delivery.awaiting()), (None, 0, 0));
}

#[test]
fn behind_a_slow_medium_what_waits_travels_as_one_copy_that_stays_the_same() {
    let mut delivery = group_of(&[B]);
    let slow = |_| Reach::Slow;
    (1..=4).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(if seq == 2 { B } else { A })));
    let first = delivery.poll(slow).unwrap();
    assert_eq!((first.seq, first.form), (Seq(1), Form::Together));
    assert_eq!(delivery.candidates(B, Seq(1)), [Seq(1), Seq(3), Seq(4)], "not their own");
    let copy = Fixed { first: Seq(1), last: Seq(3), written: true };
    delivery.on_composed(B, Seq(1), copy);
    assert!(delivery.is_under_way(B, Seq(3)));
    delivery.on_sent(B, Seq(3), Some(Via::Packet));
    let sent = Fate::Sent { via: Some(Via::Packet) };
    let fates = |delivery: &Delivery| [1, 3, 4].map(|seq| delivery.fate(B, Seq(seq)));
    assert_eq!(fates(&delivery), [sent, sent, Fate::Queued { last: None }]);
    let tried = delivery.on_failed(min(0), B, Seq(3), Why::NoAnswer).unwrap();
    assert_eq!(tried.copy, copy);
    delivery.on_posted(min(0), Seq(5), Some(A));
    delivery.on_heard(min(0), B);
    let again = delivery.poll(fast).unwrap();
    assert_eq!((again.seq, again.form), (Seq(3), Form::Written), "the same, whatever the way is now");
    let Some(Proven::Next(settled)) = delivery.on_delivered(B, Seq(3)) else { panic!("it is proven") };
    assert!(settled.has_row && settled.cursor.through == Seq(3));
    assert_eq!((delivery.counters().delivered, delivery.pending()), (2, 2));
    assert_eq!(delivery.poll(fast).unwrap().form, Form::Alone);
}

#[test]
fn a_copy_whose_text_was_deleted_is_made_anew() {
    let mut delivery = group_of(&[B]);
    (1..=2).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
    delivery.poll(|_| Reach::Slow).unwrap();
    delivery.on_composed(B, Seq(1), Fixed { first: Seq(1), last: Seq(2), written: true });
    delivery.on_failed(min(0), B, Seq(2), Why::NoAnswer).unwrap();
    delivery.on_heard(min(0), B);
    let written = delivery.poll(fast).unwrap();
    assert_eq!(written.form, Form::Written);
    let anew = delivery.on_withdrawn(B, written.seq).unwrap();
    assert_eq!((anew.seq, anew.form), (Seq(1), Form::Together));
    assert!(delivery.is_under_way(B, Seq(1)));
}

#[test]
fn a_busy_medium_gets_nothing_and_those_behind_another_do() {
    let mut delivery = group_of(&[A, B, C]);
    delivery.on_posted(min(0), Seq(1), None);
    let busy = |member| if member == B { Reach::Slow } else { Reach::Busy };
    assert_eq!(delivery.poll(busy).map(|copy| copy.member), Some(B));
    assert_eq!(delivery.poll(busy), None);
    assert!(delivery.waits_for_medium());
    assert_eq!(delivery.poll(|_| Reach::Slow).map(|copy| copy.member), Some(A));
    assert_eq!(delivery.poll(|_| Reach::Slow), None, "two are being prepared");
    delivery.on_sent(B, Seq(1), None);
    assert_eq!(delivery.poll(|_| Reach::Slow).map(|copy| copy.member), Some(C));
}

#[test]
fn who_falls_behind_on_a_slow_medium_gets_digests_until_they_have_caught_up() {
    let slow = |_| Reach::Slow;
    let (from, until) = (DIGEST_FROM_POSTS as u64, DIGEST_UNTIL_POSTS as u64);
    let behind = || {
        let mut delivery = group_of(&[B]);
        (1..=from).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
        delivery
    };
    let away = behind().poll(|_| Reach::Unknown).unwrap();
    assert_eq!(away.form, Form::Together, "to be away is not to be behind");
    let mut delivery = behind();
    let digest = delivery.poll(slow).unwrap();
    assert_eq!((digest.seq, digest.form), (Seq(1), Form::Digest { begins: true }));
    assert_eq!(delivery.digested(B, Seq(1), 2), (DIGEST_FROM_POSTS, vec![Seq(from - 1), Seq(from)]));
    delivery.on_composed(B, Seq(1), Fixed { first: Seq(1), last: Seq(from), written: true });
    assert!(proven(&mut delivery, B, from).is_some());

    // Many more come, and one digest stands for them when it is due.
    (1..=until + 1).for_each(|n| delivery.on_posted(min(1), Seq(from + n), Some(A)));
    assert_eq!(delivery.poll(slow), None);
    delivery.on_heard(min(2), B);
    assert_eq!(delivery.poll(slow), None, "being heard is no reason to hurry");
    delivery.handle_timeout(min(15));
    let digest = delivery.poll(slow).unwrap();
    assert_eq!(digest.form, Form::Digest { begins: false });
    let last = from + until + 1;
    delivery.on_composed(B, digest.seq, Fixed { first: digest.seq, last: Seq(last), written: true });
    assert!(proven(&mut delivery, B, last).is_some() && delivery.gets_digests(B));

    delivery.on_posted(min(20), Seq(last + 1), Some(A));
    assert_eq!(delivery.poll(slow), None);
    delivery.handle_timeout(min(30));
    assert_eq!(delivery.poll(slow).unwrap().form, Form::AfterDigests, "few enough came");
    assert!(!delivery.gets_digests(B));
}

#[test]
fn a_few_old_posts_make_a_digest_and_fewer_do_not() {
    for (posts, form) in [(7, Form::Digest { begins: true }), (6, Form::Together)] {
        let mut delivery = group_of(&[B]);
        (1..=posts).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
        delivery.handle_timeout(min(DIGEST_FROM_AGE.as_secs() / 60));
        assert_eq!(delivery.poll(|_| Reach::Slow).unwrap().form, form);
    }
}

#[test]
fn whoever_is_easily_reached_gets_digests_only_if_they_want_them() {
    let mut delivery = group_of(&[B]);
    (1..=100).for_each(|seq| delivery.on_posted(min(0), Seq(seq), Some(A)));
    assert_eq!(delivery.poll(fast).unwrap().form, Form::Alone);
    assert!(proven(&mut delivery, B, 1).is_some());
    delivery.prefer_digests(B, true);
    assert_eq!(delivery.poll(fast), None);
    delivery.handle_timeout(min(15));
    assert_eq!(delivery.poll(fast).unwrap().form, Form::Digest { begins: false });
    delivery.on_failed(min(16), B, Seq(2), Why::Busy);
    delivery.prefer_digests(B, false);
    assert_eq!(delivery.poll(fast).unwrap().form, Form::Alone, "at once");
}
