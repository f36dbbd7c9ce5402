//! Recognises copies of messages that were already decided about: by their id, and by what they say, because some
//! clients send a message that seems to have failed once more as a new one.
//!
//! A copy is proven again but not acted upon again. The windows are restored from the store, so that a restart is no way
//! around them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use reticulum::hash::sha256_of;
use reticulum::time::UnixTime;

use super::ids::MessageId;

/// Messages that are remembered; the oldest is forgotten first.
pub const DEDUP_WINDOW: usize = 65_536;

/// Posts of which the content is remembered; the oldest is forgotten first.
pub const CONTENTS_MAX: usize = 16_384;
/// How long the same content of the same author is a copy. A client that gave up sends again when it hears the group's
/// next announce, which may be hours later.
const LONG_CONTENT_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// The same for contents that people say again and mean it, such as "ok".
const SHORT_CONTENT_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Contents below this length, in bytes, are of the latter kind.
const LONG_CONTENT_BYTES_MIN: usize = 16;
/// Keeps the hash of a content from being the hash of anything else.
const CONTENT_DOMAIN: &[u8] = b"meshgroup content";

/// What a message says, whoever sends it however often: the first 8 bytes of a hash over sender, recipient, title,
/// content and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    /// The first 8 bytes of the hash; the last bit tells whether the content is long.
    pub prefix: u64,
}

impl Content {
    /// Of a message between two addresses. `fields` are packed.
    pub fn of(source: &[u8], destination: &[u8], title: &[u8], content: &[u8], fields: &[u8]) -> Self {
        let lengths = [title.len(), content.len()].map(|len| (len as u64).to_be_bytes());
        let [a, b] = &lengths;
        let hash = sha256_of(&[CONTENT_DOMAIN, source, destination, a, title, b, content, fields]);
        let prefix = MessageId(hash).prefix();
        let is_long = title.len() + content.len() + fields.len() >= LONG_CONTENT_BYTES_MIN;
        Self { prefix: prefix & !1 | u64::from(is_long) }
    }

    fn window(self) -> Duration {
        if self.prefix & 1 == 1 { LONG_CONTENT_WINDOW } else { SHORT_CONTENT_WINDOW }
    }
}

/// The ids of the newest [`DEDUP_WINDOW`] messages, by their first 8 bytes: two messages that share them cost their
/// own author 2^32 tries, and somebody else's author 2^64.
#[derive(Debug, Default)]
pub struct Dedup {
    known: HashSet<u64>,
    order: VecDeque<u64>,
    contents: HashMap<Content, UnixTime>,
    contents_order: VecDeque<(Content, UnixTime)>,
}

impl Dedup {
    /// Adds the contents out of the store, oldest first.
    pub fn restore_contents(&mut self, contents: impl IntoIterator<Item = (Content, UnixTime)>) {
        contents.into_iter().for_each(|(content, time)| self.insert_content(content, time));
    }

    /// Remembers what a message said that became a post.
    pub fn insert_content(&mut self, content: Content, now: UnixTime) {
        if self.contents_order.len() >= CONTENTS_MAX
            && let Some((oldest, time)) = self.contents_order.pop_front()
            && self.contents.get(&oldest) == Some(&time)
        {
            self.contents.remove(&oldest);
        }
        self.contents.insert(content, now);
        self.contents_order.push_back((content, now));
    }

    /// Whether the same was posted a short while ago.
    pub fn contains_content(&self, content: Content, now: UnixTime) -> bool {
        self.contents.get(&content).is_some_and(|posted| now.since(*posted) < content.window())
    }

    /// The window out of the store, oldest first.
    pub fn restore(prefixes: impl IntoIterator<Item = u64>) -> Self {
        let mut window = Self::default();
        for prefix in prefixes {
            window.insert_prefix(prefix);
        }
        window
    }

    /// Remembers a message. Returns whether it is new.
    pub fn insert(&mut self, id: &MessageId) -> bool {
        self.insert_prefix(id.prefix())
    }

    /// Whether the message is remembered.
    pub fn contains(&self, id: &MessageId) -> bool {
        self.known.contains(&id.prefix())
    }

    fn insert_prefix(&mut self, prefix: u64) -> bool {
        if !self.known.insert(prefix) {
            return false;
        }
        if self.order.len() >= DEDUP_WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(prefix);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> MessageId {
        let mut bytes = [0xee; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        MessageId(bytes)
    }

    #[test]
    fn a_copy_is_recognised_until_the_window_has_moved_on() {
        let mut window = Dedup::default();
        assert!(window.insert(&id(0)));
        assert!(!window.insert(&id(0)));
        for n in 1..DEDUP_WINDOW as u64 {
            assert!(window.insert(&id(n)));
        }
        assert!(window.contains(&id(0)));
        assert!(window.insert(&id(DEDUP_WINDOW as u64)));
        assert!(!window.contains(&id(0)), "the oldest goes first");
        assert!(window.contains(&id(1)));
        assert_eq!((window.known.len(), window.order.len()), (DEDUP_WINDOW, DEDUP_WINDOW));
    }

    #[test]
    fn a_restored_window_knows_what_the_old_one_knew() {
        let window = Dedup::restore([1, 2, 3, 2]);
        assert!(window.contains(&id(2)) && !window.contains(&id(4)));
        assert_eq!(window.order, [1, 2, 3]);
    }

    #[test]
    fn the_same_content_is_a_copy_for_a_while_that_depends_on_its_length() {
        let of = |content: &[u8]| Content::of(b"a", b"g", b"", content, b"\x80");
        let at = |s: u64| UnixTime::from_secs(1_000_000 + s);
        let mut window = Dedup::default();
        let (short, long) = (of(b"ok"), of(b"see you at the harbour"));
        window.insert_content(short, at(0));
        window.insert_content(long, at(0));
        assert!(window.contains_content(short, at(599)) && !window.contains_content(short, at(600)));
        assert!(window.contains_content(long, at(86_399)) && !window.contains_content(long, at(86_400)));
        let others = [
            Content::of(b"b", b"g", b"", b"ok", b"\x80"),
            Content::of(b"a", b"h", b"", b"ok", b"\x80"),
            Content::of(b"a", b"g", b"o", b"k", b"\x80"),
            Content::of(b"a", b"g", b"", b"ok", b"\x81"),
        ];
        assert!(others.iter().all(|other| !window.contains_content(*other, at(0))));
        for n in 0..CONTENTS_MAX as u64 {
            window.insert_content(of(&n.to_be_bytes()), at(1));
        }
        assert!(!window.contains_content(long, at(1)), "the oldest goes first");
        assert_eq!((window.contents.len(), window.contents_order.len()), (CONTENTS_MAX, CONTENTS_MAX));
    }
}
