use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DESTINATION: DestinationHash = DestinationHash::new([7; 16]);

fn blob(random: u8, emitted_s: u32) -> Blob {
    let mut blob = [random; 10];
    blob[5] = 0;
    blob[6..].copy_from_slice(&emitted_s.to_be_bytes());
    blob
}

fn heard(hops: u8, blob: Blob) -> Heard {
    Heard { hops, interface: InterfaceId(1), next_hop: None, blob, gravity: 0, lifetime: HOUR }
}

/// A table with one path of 3 hops, heard at zero with blobs of emission times 90 and 100.
fn known() -> Paths {
    let mut paths = Paths::new(10);
    paths.learn(Instant::ZERO, DESTINATION, &heard(3, blob(1, 90)), false);
    paths.learn(Instant::ZERO, DESTINATION, &heard(3, blob(2, 100)), false);
    paths
}

#[test]
fn timebase_rule_row_by_row() {
    const EARLY: Instant = Instant::from_micros(1);
    let late = Instant::ZERO + 2 * HOUR;
    let unknown = DestinationHash::new([8; 16]);
    let heavy = |hops, blob| Heard { gravity: 1, ..heard(hops, blob) };
    let mut unresponsive = known();
    unresponsive.set_unresponsive(&DESTINATION);
    let known = known();

    // No path known: always, unless the hop count is out of range.
    assert!(known.accepts(EARLY, &unknown, &heard(128, blob(1, 1))));
    assert!(!known.accepts(EARLY, &unknown, &heard(129, blob(1, 1))));

    let rows = [
        ("nearer, unseen, newer", EARLY, heard(2, blob(3, 101)), true),
        ("as near, unseen, newer", EARLY, heard(3, blob(3, 101)), true),
        ("nearer, unseen, same second", EARLY, heard(2, blob(3, 100)), false),
        ("nearer, seen", EARLY, heard(2, blob(2, 100)), false),
        ("nearer, unseen, older", EARLY, heard(2, blob(3, 99)), false),
        ("nearer, unseen, older, path expired", late, heard(2, blob(3, 99)), false),
        ("as near, same second, more gravity", EARLY, heavy(3, blob(2, 100)), true),
        ("as near, older, more gravity", EARLY, heavy(3, blob(1, 90)), false),
        ("farther, expired, unseen, older", late, heard(4, blob(3, 50)), true),
        ("farther, expired, seen", late, heard(4, blob(1, 90)), false),
        ("farther, unseen, newer", EARLY, heard(4, blob(3, 101)), true),
        ("farther, same second", EARLY, heard(4, blob(3, 100)), false),
        ("farther, older", EARLY, heard(4, blob(3, 99)), false),
    ];
    for (row, now, heard, accepted) in rows {
        assert_eq!(known.accepts(now, &DESTINATION, &heard), accepted, "{row}");
    }
    assert!(
        unresponsive.accepts(EARLY, &DESTINATION, &heard(4, blob(2, 100))),
        "farther, same second, unresponsive"
    );
    assert!(
        !unresponsive.accepts(EARLY, &DESTINATION, &heard(4, blob(3, 99))),
        "farther, older, unresponsive"
    );
}

#[test]
fn an_accepted_announce_replaces_the_path_and_keeps_the_blobs() {
    let mut paths = known();
    paths.set_unresponsive(&DESTINATION);
    let next_hop = Some(IdentityHash::new([9; 16]));
    let longer = Heard { next_hop, interface: InterfaceId(2), ..heard(5, blob(3, 101)) };
    assert!(paths.accepts(Instant::ZERO, &DESTINATION, &longer));
    paths.learn(Instant::ZERO, DESTINATION, &longer, false);
    let path = paths.path(&DESTINATION).unwrap();
    assert_eq!((path.hops, path.interface, path.next_hop), (5, InterfaceId(2), next_hop));
    assert!(
        paths.is_settled(&DESTINATION, &blob(1, 90)),
        "old blobs are known, and the state is no longer unresponsive"
    );
    assert!(!paths.is_settled(&DESTINATION, &blob(4, 90)));
}

#[test]
fn only_the_last_64_blobs_are_kept() {
    let mut paths = Paths::new(10);
    for n in 0..80 {
        paths.learn(Instant::ZERO, DESTINATION, &heard(1, blob(n, 100 + u32::from(n))), false);
    }
    assert!(!paths.is_settled(&DESTINATION, &blob(15, 115)));
    assert!(paths.is_settled(&DESTINATION, &blob(16, 116)));
}

#[test]
fn a_path_lives_on_from_its_last_use() {
    let mut paths = known();
    let half = Instant::ZERO + HOUR / 2;
    paths.touch(half, &DESTINATION);
    paths.handle_timeout(Instant::ZERO + HOUR);
    assert!(paths.path(&DESTINATION).is_some());
    assert_eq!(paths.poll_timeout(), Some(half + HOUR));
    paths.handle_timeout(half + HOUR);
    assert!(paths.path(&DESTINATION).is_none());
    assert_eq!(paths.poll_timeout(), None);
}

#[test]
fn the_least_used_path_makes_room_and_a_retained_one_never() {
    let mut paths = Paths::new(3);
    let to = |n| DestinationHash::new([n; 16]);
    for n in 0..3 {
        paths.learn(Instant::ZERO, to(n), &heard(1, blob(1, 1)), n == 0);
    }
    paths.touch(Instant::ZERO, &to(1));
    assert!(paths.learn(Instant::ZERO, to(3), &heard(1, blob(1, 1)), false));
    assert!(paths.path(&to(2)).is_none(), "2 was neither retained nor used");
    for n in 4..100 {
        paths.learn(Instant::ZERO, to(n), &heard(1, blob(1, 1)), false);
    }
    assert!(paths.path(&to(0)).is_some());
    assert_eq!(paths.paths.len(), 3);
}

#[test]
fn paths_go_with_their_interface() {
    let mut paths = known();
    paths.remove_interface(InterfaceId(2));
    assert!(paths.path(&DESTINATION).is_some());
    paths.remove_interface(InterfaceId(1));
    assert!(paths.path(&DESTINATION).is_none());
}

fn saved(hops: u8, blobs: &[Blob], expires: Instant) -> SavedPath {
    SavedPath { hops, next_hop: None, used: Instant::ZERO, expires, blobs: blobs.to_vec() }
}

#[test]
fn a_saved_path_comes_back_if_it_is_still_good() {
    const EARLY: Instant = Instant::from_micros(1);
    let late = Instant::ZERO + HOUR;
    // The known one has 3 hops, of emission time 100.
    let rows = [
        ("as near, as new", EARLY, 3, 100, true),
        ("nearer, newer", EARLY, 2, 101, true),
        ("nearer, older", EARLY, 2, 99, false),
        ("farther, newer", EARLY, 4, 101, false),
        ("farther, as new, expired", late + Duration::from_micros(1), 4, 100, false),
    ];
    for (row, now, hops, emitted_s, expected) in rows {
        let mut paths = known();
        let restored = saved(hops, &[blob(8, emitted_s - 1), blob(9, emitted_s)], late);
        let heard = Heard { interface: InterfaceId(5), ..heard(hops, blob(9, emitted_s)) };
        assert_eq!(paths.restore(now, DESTINATION, restored, &heard, false), expected, "{row}");
        let path = paths.path(&DESTINATION).unwrap();
        assert_eq!(path.interface == InterfaceId(5), expected, "{row}");
        if expected {
            assert!(paths.is_settled(&DESTINATION, &blob(8, emitted_s - 1)), "{row}: its blobs too");
        }
    }
    // Farther, but the known one expired while the saved one was used since.
    let mut paths = known();
    let now = late + Duration::from_micros(1);
    let restored = SavedPath { used: EARLY + Duration::from_micros(1), ..saved(4, &[blob(9, 100)], now) };
    assert!(paths.restore(now, DESTINATION, restored, &heard(4, blob(9, 100)), false));
}

#[test]
fn what_is_saved_is_restored_as_it_was() {
    let mut paths = known();
    let gone = paths.remove_interface(InterfaceId(1));
    assert_eq!(gone.len(), 1);
    let (destination, path) = gone.into_iter().next().unwrap();
    assert_eq!((path.hops, &path.blobs[..]), (3, &[blob(1, 90), blob(2, 100)][..]));
    assert!(paths.restore(Instant::ZERO, destination, path.clone(), &heard(3, blob(2, 100)), false));
    assert_eq!(paths.saved().next().unwrap().2, path);
}
