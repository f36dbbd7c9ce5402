//! What became of copies, for those who ask: the fate of each member's copy of a post, and what a member was not sent.
//!
//! Cursors and copies under way are in memory, with `Delivery`; the store knows the gaps. So an answer is made of both.

use std::collections::HashMap;

use lxmf::router::Failure;
use reticulum::hash::DestinationHash;
use reticulum::time::Instant;

use super::{Asked, Asking, Host, Query, Rows};
use crate::api::{self, DeliveryPage, DeliveryStatus, SlowMember};
use crate::group::delivery::{Backlog, Fate, Gap, Tally, Unproven, Why};
use crate::group::{
    Asks, Audience, Delivery, Group, GroupId, Known, Language, Member, MemberId, RecentPost, Seq, StoredPost,
};

/// Members who are behind and told of in the status.
const SLOWEST_MAX: usize = 5;

impl Host {
    /// Asks the store for its half of an answer.
    pub(super) fn ask_ledger(&mut self, group: GroupId, to: DestinationHash, asks: Asks) {
        let Some(hosted) = self.groups.get(group) else { return };
        match asks {
            Asks::Delivery(post) => {
                let query = Query::Gaps { group, seq: post.seq };
                self.query(query, Asked::Delivery(group, to, post));
            }
            Asks::Announce | Asks::Path(_) => {}
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
        let of = (post.seq, post.author, &post.audience);
        let tally = tally(&hosted.group, &hosted.delivery, of, &gaps);
        let text = hosted.group.delivery_text(language_at(&hosted.group, to), post.seq, &tally);
        self.tell(now, group, to, text);
    }

    /// The same for a call.
    pub(super) fn delivery_found(
        &mut self,
        now: Instant,
        asking: &Asking,
        seq: Seq,
        page: &DeliveryPage,
        known: &Known,
    ) {
        let Some(hosted) = self.groups.get(asking.group) else { return };
        match hosted.group.authorize_delivery(&asking.caller, seq, known) {
            Ok(StoredPost { author, audience, .. }) => {
                let tally = tally(&hosted.group, &hosted.delivery, (seq, author, &audience), &known.gaps);
                self.answer_after_commit(now, asking.asker, api::delivery(page, &tally));
            }
            Err(refusal) => self.refuse(now, asking.asker, api::refused(&refusal)),
        }
    }

    /// What is not proven, and who waits longest, of all groups.
    pub fn delivery_status(&self, now: Instant) -> DeliveryStatus {
        let mut status = DeliveryStatus::default();
        for hosted in self.groups.iter() {
            let Unproven { queued, sent, on_node } = hosted.delivery.unproven();
            status.queued += queued as u64;
            status.sent += sent as u64;
            status.on_node += on_node as u64;
            let slowest = hosted.delivery.slowest(now, SLOWEST_MAX).into_iter();
            status.slowest.extend(slowest.map(|Backlog { member, posts, oldest, digest }| SlowMember {
                group: hosted.id.0,
                member: member.0,
                nick:
                    hosted.group.state().roster.by_id(member).map(|one| one.nick.clone()).unwrap_or_default(),
                backlog: posts as u64,
                oldest_s: oldest.as_secs(),
                digest,
            }));
        }
        status.slowest.sort_by_key(|slow| std::cmp::Reverse(slow.oldest_s));
        status.slowest.truncate(SLOWEST_MAX);
        status
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
fn tally(
    group: &Group,
    delivery: &Delivery,
    (seq, author, audience): (Seq, Option<MemberId>, &Audience),
    gaps: &[Gap],
) -> Tally {
    let gaps: HashMap<_, _> = gaps.iter().map(|gap| (gap.member, gap.fate)).collect();
    let mut tally = Tally::default();
    for member in group.state().roster.iter() {
        let is_owed = Some(member.id) != author
            && member.joined_seq < seq
            && group.viewer_of(member).sees(author, audience);
        if is_owed {
            let fate = gaps.get(&member.id).map(|fate| Fate::Gap(*fate));
            tally.add(member.id, fate.unwrap_or_else(|| delivery.fate(member.id, seq)));
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
