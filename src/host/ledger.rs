//! What became of copies, for those who ask: the fate of each member's copy of a post, and what a member was not sent.
//!
//! Cursors and copies under way are in memory, with `Delivery`; the store knows the gaps. So an answer is made of both.

use std::collections::HashMap;

use lxmf::router::Failure;
use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

use super::{Asked, Host, Query, Rows};
use crate::group::delivery::{Fate, Gap, Tally, Why};
use crate::group::{Asks, Delivery, Group, GroupId, Language, Member, RecentPost};

impl Host {
    /// Asks the store for its half of an answer.
    pub(super) fn ask_ledger(&mut self, group: GroupId, to: DestinationHash, asks: Asks) {
        let Some(hosted) = self.groups.get(group) else { return };
        match asks {
            Asks::Delivery(post) => {
                let query = Query::Gaps { group, seq: post.seq };
                self.query(query, Asked::Delivery(group, to, post));
            }
            Asks::Missed => {
                let Some(member) = member_at(&hosted.group, to) else { return };
                let (viewer, more) = (hosted.group.viewer_of(member), hosted.delivery.expired_of(member.id));
                self.query(Query::Missed { group, viewer, more }, Asked::Missed(group, to));
            }
        }
    }

    /// The store told who passed a post over.
    pub(super) fn gaps_found(
        &mut self,
        now: Instant,
        group: GroupId,
        to: DestinationHash,
        post: &RecentPost,
        rows: Rows,
    ) {
        let (Rows::Gaps(gaps), Some(hosted)) = (rows, self.groups.get(group)) else { return };
        let tally = tally(&hosted.group, &hosted.delivery, post, &gaps);
        let text = hosted.group.delivery_text(language_at(&hosted.group, to), post.seq, &tally);
        self.tell(now, group, to, text);
    }

    /// The store told what a member was not sent.
    pub(super) fn missed_found(&mut self, now: Instant, group: GroupId, to: DestinationHash, rows: Rows) {
        let (Rows::Missed(found), Some(hosted)) = (rows, self.groups.get(group)) else { return };
        let language = language_at(&hosted.group, to);
        let text = hosted.group.missed_text(language, self.engine.unix_time(now), &found);
        self.tell(now, group, to, text);
    }
}

fn member_at(group: &Group, address: DestinationHash) -> Option<&Member> {
    group.state().roster.iter().find(|member| member.address == address)
}

fn language_at(group: &Group, address: DestinationHash) -> Language {
    member_at(group, address)
        .map_or_else(Language::default, |member| group.language_for(member.identity.hash()))
}

/// What became of a post, of those who were members when it was posted and may read it.
fn tally(group: &Group, delivery: &Delivery, post: &RecentPost, gaps: &[Gap]) -> Tally {
    let gaps: HashMap<_, _> = gaps.iter().map(|gap| (gap.member, gap.fate)).collect();
    let mut tally = Tally::default();
    for member in group.state().roster.iter() {
        let is_owed = Some(member.id) != post.author
            && member.joined_seq < post.seq
            && group.viewer_of(member).sees(post.author, &post.audience);
        if is_owed {
            let fate = gaps.get(&member.id).map(|fate| Fate::Gap(*fate));
            tally.add(member.id, fate.unwrap_or_else(|| delivery.fate(member.id, post.seq)));
        }
    }
    tally
}

/// Why a copy did not arrive, in the words of the ledger.
pub(super) fn why(failure: Failure) -> Why {
    match failure {
        Failure::NoPath => Why::NoPath,
        Failure::NoAnswer | Failure::Rejected => Why::NoAnswer,
        Failure::StampTooDear { cost } => Why::TooDear { cost },
        Failure::StampBudget => Why::NoBudget,
        Failure::Cancelled => Why::Busy,
        Failure::NoNode | Failure::TooLarge | Failure::StampRefused => Why::NoNode,
    }
}
