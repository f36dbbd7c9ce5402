//! Attachments by request: how large the requests of a link may be, and the pieces and files that go out.

use reticulum::hash::LinkId;
use reticulum::node::LinkError;
use reticulum::time::Instant;

use super::calls::{BUSY_FOR_S, PendingCall};
use super::{Asked, Asker, Asking, Host, Query};
use crate::api;
use crate::group::{Group, Known, Needs, Permission, PieceRequest};

/// Bytes that anybody may send in one request, and that a member may send beside attachments.
const REQUEST_BYTES_MAX: u64 = 64 << 10;

impl Host {
    /// Lets those who may attach something send requests that are long enough for it, and nobody else: what strangers
    /// send is held in memory before anybody looks at it.
    pub(super) fn bound_requests(&mut self, link: LinkId) {
        let Some(info) = self.engine.link(link) else { return };
        let group = self.groups.of_api(&info.destination).and_then(|group| self.groups.get(group));
        let (Some(hosted), Some(remote)) = (group, info.remote) else { return };
        let member = hosted.group.member_by_identity(remote.hash());
        let may = |group: &Group| {
            let member = member.filter(|member| group.permissions_of(member).contains(Permission::Attach));
            member.map_or(0, |_| u64::from(group.attachments_kb_max()) * 1_000)
        };
        let bytes_max = REQUEST_BYTES_MAX + may(&hosted.group);
        let _ = self.engine.set_request_size_max(link, bytes_max);
    }

    /// Asks the store for a piece of an attachment.
    pub(super) fn ask_piece(&mut self, asking: Asking, request: PieceRequest, as_file: bool) {
        let Some(hosted) = self.groups.get(asking.group) else { return };
        let member = hosted.group.member_of(&asking.caller).map(|member| member.id);
        let needs = Needs { posts: vec![request.seq], piece: Some(Box::new(request)), ..Needs::default() };
        let query = Query::Known { group: asking.group, member, needs: Box::new(needs) };
        self.query(query, Asked::Call(asking, PendingCall::Piece { request, as_file }));
    }

    /// The store has found it, or not.
    pub(super) fn piece_found(
        &mut self,
        now: Instant,
        asking: &Asking,
        request: &PieceRequest,
        as_file: bool,
        known: &Known,
    ) {
        let Some(hosted) = self.groups.get(asking.group) else {
            return self.refuse(now, asking.asker, api::internal());
        };
        match hosted.group.piece(&asking.caller, request, known) {
            Err(refusal) => self.refuse(now, asking.asker, api::refused(&refusal)),
            Ok((of, data)) if as_file => {
                let (data, metadata) = (data.to_vec(), api::attachment_file(of));
                self.answer_with_file(now, asking.asker, data, metadata);
            }
            Ok((of, data)) => self.answer_after_commit(now, asking.asker, api::attachment(of, data)),
        }
    }

    /// Answers with a file. The control socket has none, and its calls ask for none. What is sent is in the store already,
    /// and the engine bounds what it holds, so it waits for nothing.
    fn answer_with_file(&mut self, now: Instant, asker: Asker, data: Vec<u8>, metadata: Vec<u8>) {
        let Asker::Link { link, request } = asker else { return self.refuse(now, asker, api::internal()) };
        if self.engine.respond_with_file(now, link, request, data, metadata) == Err(LinkError::Busy) {
            self.counters.calls_busy += 1;
            let _ = self.engine.respond(now, link, request, &api::response_value(&api::busy(BUSY_FOR_S)));
        }
    }
}
