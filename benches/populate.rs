//! Fills the data folder of a node that does not run, so that `side_by_side/run.py --parts scale` has something to measure:
//!
//! ```text
//! cargo bench --bench populate -- DIR MEMBERS POSTS
//! ```
//!
//! The first group gets so many members more, each with the keys and the ratchet of their last announce, and so many posts of
//! theirs, spread over the last year. All of them count as delivered. About 30 microseconds a post.

#![allow(clippy::unwrap_used, reason = "a tool that cannot go on has to stop")]

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use meshgroup::group::delivery::Cursor;
use meshgroup::group::{Action, Caller, Draft, Group, MemberId, MessageId, Pass};
use meshgroup::host::FIRST_GROUP;
use meshgroup::store::{Options, OutboxRow, Store, Write};
use reticulum::crypto::{Identity, PublicIdentity, RatchetSecret, Rng};
use reticulum::hash::{DestinationHash, NameHash};
use reticulum::node::PeerRecord;
use reticulum::time::UnixTime;

const YEAR_S: u64 = 365 * 24 * 3_600;
/// What the posts are made of; each is said about as often as the others.
const WORDS: [&str; 24] = [
    "tide", "harbour", "boat", "rope", "wind", "north", "south", "anchor", "meet", "tomorrow", "at", "the",
    "quay", "bring", "radio", "signal", "is", "weak", "again", "anybody", "there", "yes", "over", "tonight",
];

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [folder, members, posts] = &arguments[..] else {
        eprintln!("usage: cargo bench --bench populate -- DIR MEMBERS POSTS");
        return;
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (store, mut restored) =
        Store::open(Path::new(folder), &Options::default(), UnixTime::from_secs(now), |_| {}).unwrap();
    let saved = restored.groups.remove(0);
    let mut filling = Filling {
        store,
        group: Group::restore(saved.state, saved.recent),
        rng: Rng::from_seed([1; 32]),
        begin_s: now - YEAR_S,
    };
    let people: Vec<_> = (0..members.parse().unwrap()).map(|number| filling.join(number)).collect();
    let posts: u64 = posts.parse().unwrap();
    for number in 0..posts {
        filling.post(&people, number, posts);
    }
    filling.deliver_all();
}

struct Filling {
    store: Store,
    group: Group,
    rng: Rng,
    begin_s: u64,
}

impl Filling {
    fn join(&mut self, number: u32) -> Arc<PublicIdentity> {
        let identity = Arc::new(Identity::generate(&mut self.rng).public().clone());
        let at = UnixTime::from_secs(self.begin_s);
        let action = Action::Join { nick: Some(format!("Member {number}")), pass: Pass::None };
        self.decide(at, &identity, action, None);
        let ratchet = RatchetSecret::from_bytes(self.rng.bytes()).public();
        self.store.submit(Write::Peer(PeerRecord {
            destination: DestinationHash::of_single(NameHash::of_name("lxmf.delivery"), identity.hash()),
            identity: identity.to_bytes(),
            app_data: Some(format!("Member {number}").into_bytes()),
            ratchet: Some((*ratchet.as_bytes(), at)),
            heard: at,
            emitted_s: self.begin_s,
        }));
        identity
    }

    fn post(&mut self, people: &[Arc<PublicIdentity>], number: u64, posts: u64) {
        let author = &people[self.rng.below(people.len() as u64) as usize];
        let words = (0..16).map(|_| WORDS[self.rng.below(WORDS.len() as u64) as usize]);
        let text = format!("{} {number}", words.collect::<Vec<_>>().join(" "));
        let message_id = Some(MessageId(self.rng.bytes()));
        let action = Action::Post(Draft { message_id, ..Draft::text(&text) });
        let at = UnixTime::from_secs(self.begin_s + (YEAR_S - 60) * number / posts);
        self.decide(at, author, action, message_id);
    }

    fn decide(&mut self, at: UnixTime, who: &Arc<PublicIdentity>, action: Action, id: Option<MessageId>) {
        let caller = Caller::Identity { identity: Arc::clone(who), announced_name: None };
        let events = self.group.decide(at, &caller, action).unwrap().events;
        self.store.submit(Write::Decision { group: FIRST_GROUP, events, seen: id.map(Into::into) });
    }

    fn deliver_all(&mut self) {
        let state = self.group.state();
        let members: Vec<MemberId> = state.roster.iter().map(|member| member.id).collect();
        for member in members {
            let cursor = Cursor { member, through: state.head };
            self.store.submit(Write::Delivered {
                group: FIRST_GROUP,
                cursor,
                copy: None,
                row: OutboxRow::None,
            });
        }
    }
}
