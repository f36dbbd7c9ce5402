//! What a decision has to know of the past. A group keeps its state in memory, not its history: so an action says what
//! it needs ([`Needs`]), the caller of the group looks that up, and the decision is made with the answer ([`Known`]).

use std::collections::BTreeMap;

use reticulum::time::UnixTime;

use super::acts::{ActsRequest, CleanUp};
use super::attachment::{Piece, PieceRequest};
use super::delivery::Gap;
use super::event::Event;
use super::ids::{MemberId, MessageId, Seq};
use super::post::{Audience, Post, Reaction};
use super::recent::RecentPost;

/// What is to be looked up for one decision. Mostly nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The messages with these numbers.
    pub posts: Vec<Seq>,
    /// The message that the caller's client knows by this id, and its number.
    pub reference: Option<MessageId>,
    /// The messages that a clean-up is about.
    pub matching: Option<CleanUp>,
    /// A part of the audit log.
    pub acts: Option<ActsRequest>,
    /// The newest of some messages.
    pub list: Option<ListRequest>,
    /// How far the caller has read.
    pub reading: Option<ReadingRequest>,
    /// Everything that this message ever said.
    pub texts: Option<Seq>,
    /// A piece of an attachment.
    pub piece: Option<Box<PieceRequest>>,
    /// Who was not sent, or did not prove, the messages named above.
    pub gaps: bool,
}

/// Who wants to know how far they have read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadingRequest {
    /// Who.
    pub viewer: Viewer,
    /// They have read up to here at least: the store may not know it yet.
    pub at_least: Seq,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Up to this number.
    pub through: Seq,
    /// Messages of others that come after it; [`UNREAD_MAX`] stands for more, too.
    pub unread: u32,
}

/// What a message said at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierText {
    /// The event that made it so: the post, or an edit.
    pub seq: Seq,
    /// When.
    pub time: UnixTime,
    /// Who did it.
    pub actor: Option<MemberId>,
    /// The text.
    pub text: String,
}

/// Which messages somebody wants to be told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Who.
    pub viewer: Viewer,
    /// Only those with these words.
    pub words: Option<String>,
    /// Only those before this number.
    pub before: Option<Seq>,
}

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub seq: Seq,
    /// When it was posted.
    pub time: UnixTime,
    /// Its author's nick at that moment; `None` is the operator.
    pub nick: Option<String>,
    /// The message, as it reads now.
    pub post: Post,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The messages by number; what is no message is not in it.
    pub posts: BTreeMap<Seq, StoredPost>,
    /// The number of the message that was asked for by its id.
    pub reference: Option<Seq>,
    /// The messages that a clean-up is about, oldest first, one more than it deletes at a time: number and author.
    pub matching: Vec<(Seq, Option<MemberId>)>,
    /// The part of the audit log that was asked for, in the order in which it was.
    pub acts: Vec<Event>,
    /// The newest of the messages that were asked for, the newest first: at most [`LISTED_MAX`].
    pub list: Vec<Listed>,
    /// How far the caller has read.
    pub reading: Reading,
    /// What the message ever said, the oldest first: at most [`TEXTS_MAX`].
    pub texts: Vec<EarlierText>,
    /// The piece that was asked for; `None` if there is no such attachment.
    pub piece: Option<Piece>,
    /// Who was not sent, or did not prove, a message, and why.
    pub gaps: Vec<Gap>,
}

/// Unread messages are counted up to here.
pub const UNREAD_MAX: u32 = 1_000;
/// Texts of one message that are told at most: the newest.
pub const TEXTS_MAX: usize = 64;

/// Messages that are looked up for one list: more never fit an answer.
pub const LISTED_MAX: usize = 24;

/// A message as the store knows it. The newest changes may be missing: the group remembers those itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredPost {
    /// Who posted it.
    pub author: Option<MemberId>,
    /// Whether it was deleted since.
    pub deleted: bool,
    /// The message that began its thread.
    pub thread: Option<Seq>,
    /// Who may read it.
    pub audience: Audience,
    /// The different reactions that it has.
    pub reactions: Vec<Reaction>,
    /// Those among them that are the caller's.
    pub own_reactions: Vec<Reaction>,
}

/// Who reads, as far as that decides what they may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Their number.
    pub member: Option<MemberId>,
    /// Whether they may hear the staff.
    pub staff: bool,
    /// Whether nothing is hidden from them, because they are the operator.
    pub all: bool,
}

impl Needs {
    /// Whether the decision can be made at once.
    pub fn is_empty(&self) -> bool {
        let Self { gaps, posts, reference, matching, acts, list, reading, texts, piece } = self;
        let asks = matching.is_some() || acts.is_some() || list.is_some() || reading.is_some();
        !gaps && posts.is_empty() && reference.is_none() && !asks && texts.is_none() && piece.is_none()
    }
}

impl Viewer {
    /// The operator of the node.
    pub const OPERATOR: Self = Self { member: None, staff: true, all: true };

    /// Whether they may read what `author` said to `audience`.
    pub fn sees(&self, author: Option<MemberId>, audience: &Audience) -> bool {
        let own = self.member.is_some() && self.member == author;
        self.all
            || own
            || match audience {
                Audience::Everyone => true,
                Audience::Only { staff, members } => {
                    (*staff && self.staff)
                        || self.member.is_some_and(|member| members.binary_search(&member).is_ok())
                }
            }
    }
}

impl From<&RecentPost> for StoredPost {
    fn from(post: &RecentPost) -> Self {
        let RecentPost { author, thread, ref audience, .. } = *post;
        Self { author, thread, audience: audience.clone(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_for_its_audience_its_author_and_the_operator() {
        let member = |n| Viewer { member: Some(MemberId(n)), ..Viewer::default() };
        let staff = Viewer { staff: true, ..member(9) };
        let named = Audience::only(false, [5, 2].map(MemberId), None);
        let author = Some(MemberId(1));
        // audience, author, named, other, staff, nobody
        let rows = [
            (&Audience::Everyone, [true, true, true, true, true]),
            (&Audience::staff(), [true, false, false, true, false]),
            (&named, [true, true, false, false, false]),
        ];
        for (audience, expected) in rows {
            let viewers = [member(1), member(5), member(3), staff, Viewer::default()];
            assert_eq!(viewers.map(|viewer| viewer.sees(author, audience)), expected, "{audience:?}");
            assert!(Viewer::OPERATOR.sees(author, audience));
        }
        assert!(!Viewer::default().sees(None, &Audience::staff()), "the operator's post is nobody's own");
    }
}
