//! Messages on paper: what a member is sent of a post as a `lxm://` address, and messages to a group that come as one.

use lxmf::message::Method;
use lxmf::router::{Failure, Outgoing};
use reticulum::node::Priority;
use reticulum::time::Instant;

use super::{Asked, Asker, Asking, Host, Query, Rows, Sent, relay};
use crate::api;
use crate::group::{GroupId, MemberId, Refusal, Seq};

impl Host {
    /// The operator wants a post on paper, for a member. The store has it.
    pub(super) fn paper(&mut self, now: Instant, asking: Asking, seq: Seq, member: MemberId) {
        let Asking { asker, group, .. } = asking;
        let is_present =
            self.groups.get(group).is_some_and(|hosted| hosted.group.state().roster.by_id(member).is_some());
        if !is_present {
            return self.refuse(now, asker, api::refused(&Refusal::NotFound));
        }
        self.query(
            Query::Relayed { group, seq, members: vec![member], as_posted: false },
            Asked::Paper(asker, group, member),
        );
    }

    /// The store has the post, or not. What is attached stays behind: it would not fit.
    pub(super) fn paper_found(
        &mut self,
        now: Instant,
        asker: Asker,
        group: GroupId,
        member: MemberId,
        rows: Rows,
    ) {
        let (Rows::Relayed(Some(row)), Some(hosted)) = (rows, self.groups.get(group)) else {
            return self.refuse(now, asker, api::refused(&Refusal::NotFound));
        };
        let Some(member) = hosted.group.state().roster.by_id(member) else {
            return self.refuse(now, asker, api::refused(&Refusal::NotFound));
        };
        let language = hosted.group.language_for(member.identity.hash());
        let may_read = row.is_for(&hosted.group.viewer_of(member));
        let roles = &hosted.group.state().roles;
        let Some(copy) = relay::copy(language, &row, None, None, 0, roles).filter(|_| may_read) else {
            return self.refuse(now, asker, api::refused(&Refusal::NotFound));
        };
        let outgoing = Outgoing {
            from: hosted.addresses.lxmf,
            to: member.address,
            timestamp: copy.time,
            title: Vec::new(),
            content: copy.content.into_bytes(),
            fields: copy.fields,
            method: Some(Method::Paper),
            priority: Priority::Reply,
            ticket: false,
            fallback: false,
        };
        match self.router.send(now, &mut self.engine, outgoing) {
            Ok(send) => drop(self.sent.insert(send, Sent::Paper(asker))),
            Err(_) => self.refuse(now, asker, api::busy(super::calls::BUSY_FOR_S)),
        }
    }

    /// A message could not be put on paper.
    pub(super) fn paper_failed(&mut self, now: Instant, asker: Asker, reason: Failure) {
        self.refuse(now, asker, api::not_on_paper(reason));
    }

    /// The operator read a message to one of the groups from paper.
    pub(super) fn import_paper(&mut self, now: Instant, asker: Asker, uri: &str) {
        match self.router.handle_paper(&mut self.engine, uri) {
            Ok(()) => self.answer_after_commit(now, asker, api::paper_taken()),
            Err(error) => self.refuse(now, asker, api::not_from_paper(error)),
        }
    }
}
