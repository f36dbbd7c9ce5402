//! Stock clients in all sorts of circumstances, in one group: everybody ends with every post exactly once.

use std::time::Duration;

use crate::support::crowd::{Crowd, Member};
use crate::support::process::{Folder, Meshgroup};
use crate::support::python::{Medium, Peer};

fn plain(folder: &Folder, node: &Meshgroup, name: &str) -> Member {
    Member::new(name, Peer::start(folder.path(), name, Medium::Connect(node.port)))
}

#[test]
fn three_members_end_with_every_post_once_and_references_point_at_their_own_copies() {
    let folder = Folder::new("three");
    let node = Meshgroup::start(folder.path(), "");
    let mut members: Vec<Member> = ["Ann", "Ben", "Cai"].map(|name| plain(&folder, &node, name)).into();
    members[1].sends_twice = true;
    let mut crowd = Crowd::join(node.group("address"), members, 1);
    while crowd.posts() < 20 {
        crowd.say_something();
    }
    crowd.settle(Duration::from_secs(60));
    assert!(crowd.answers() > 3 && crowd.reactions() > 0);
    agrees(&node, &crowd);
}

/// What the node says of its copies is what the members hold.
fn agrees(node: &Meshgroup, crowd: &Crowd) {
    let status = node.status();
    let counter =
        |name: &str| status["counters"][name].as_u64().unwrap_or_else(|| panic!("{name} is counted"));
    assert_eq!(node.messages().len(), crowd.posts());
    assert_eq!((counter("copies_pending"), counter("copies_refused"), counter("copies_expired")), (0, 0, 0));
    assert_eq!(counter("copies_delivered"), crowd.copies() as u64);
}
