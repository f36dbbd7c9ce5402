//! What copies of posts say: made once, from the log and from what is known of the member at that moment, and then the same
//! each time that they are sent.
//!
//! A post that was not edited and refers to nothing is told by the log alone. Every other copy is written down before it
//! leaves. Behind slow media what waits for a member travels as one message, a line for each post in order.

use std::collections::VecDeque;

use lxmf::app_data::AppData;
use lxmf::fields::Fields;
use lxmf::message::OPPORTUNISTIC_PAYLOAD_MAX;
use reticulum::time::{Instant, UnixTime};

use super::attached::attach;
use super::record::stamp_cost;
use super::relay::Copy;
use super::{After, Asked, CopyEnd, Host, Query, Rows, relay};
use crate::group::delivery::{Dispatch, Fixed, Form, GapFate, Reach};
use crate::group::{Event, EventKind, GroupId, Member, Post, ReactionText, Seq};
use crate::store::{ReadCopy, Relayed, Write, WrittenCopy};

/// What a payload holds besides the content of a message without title and fields (`spec/lxmf.md` 1.1).
const PAYLOAD_OVERHEAD: usize = 16;
/// A proof of work, or the stamp of a ticket, which is shorter (`spec/lxmf.md` 1.2).
const STAMP_BYTES: usize = 34;
/// A ticket as a field (`spec/lxmf.md` 2.1).
const TICKET_BYTES: usize = 29;

/// The newest posts that are looked at for the lines of a digest.
const DIGEST_LINES_MAX: usize = 24;
/// Bytes of these lines: with the rest of the message about three LoRa frames.
const DIGEST_BYTES_MAX: usize = 600;

/// Several posts as one message.
struct Together {
    content: String,
    parts: Vec<Seq>,
    /// Those between them that the member is not to get.
    passed: Vec<(Seq, GapFate)>,
    time: UnixTime,
}

impl Host {
    /// Makes a copy and sends it, or asks the store for what it needs first.
    pub(super) fn dispatch(&mut self, now: Instant, group: GroupId, dispatch: Dispatch) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Dispatch { member, seq, form, .. } = dispatch;
        match form {
            Form::Alone | Form::AsPosted => self.dispatch_alone(now, group, dispatch),
            Form::Written => {
                self.query(Query::Written { group, member, last: seq }, Asked::Written(group, dispatch));
            }
            Form::Together | Form::AfterDigests | Form::Digest { .. } => {
                let seqs = match form {
                    Form::Digest { .. } => hosted.delivery.digested(member, seq, DIGEST_LINES_MAX).1,
                    _ => hosted.delivery.candidates(member, seq),
                };
                let understands = hosted.understanding.contains(&member);
                let query = Query::RelayedTogether { group, seqs, member: understands.then_some(member) };
                self.query(query, Asked::Together(group, dispatch));
            }
        }
    }

    fn dispatch_alone(&mut self, now: Instant, group: GroupId, dispatch: Dispatch) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let (seq, as_posted) = (dispatch.seq, dispatch.form == Form::AsPosted);
        // A post of before nicks were kept has none, although it has an author.
        let is_complete = |(event, post): &(&Event, &Post)| event.actor.is_none() || post.nick.is_some();
        if let Some((event, post)) = hosted.tail.post(seq).filter(is_complete) {
            let row = Relayed::as_posted(event.clone(), post.nick.clone());
            return self.send_alone(now, group, dispatch, &row);
        }
        let is_same = |other: &&Dispatch| other.seq == seq && (other.form == Form::AsPosted) == as_posted;
        let asked_already = hosted.waiting_copies.iter().any(|other| is_same(&other));
        hosted.waiting_copies.push_back(dispatch);
        if !asked_already {
            let members = hosted.understanding.iter().copied().collect();
            let query = Query::Relayed { group, seq, members, as_posted };
            self.query(query, Asked::Line(group, seq, as_posted));
        }
    }

    /// The store gave an older event, or knows that there is nothing to tell any more.
    pub(super) fn line_found(&mut self, now: Instant, group: GroupId, seq: Seq, as_posted: bool, rows: Rows) {
        let Some(hosted) = self.groups.stir(group) else { return };
        let (due, rest): (VecDeque<_>, _) = std::mem::take(&mut hosted.waiting_copies)
            .into_iter()
            .partition(|copy| copy.seq == seq && (copy.form == Form::AsPosted) == as_posted);
        hosted.waiting_copies = rest;
        let Rows::Relayed(Some(row)) = rows else {
            let end = CopyEnd::Skipped(GapFate::Withdrawn);
            due.into_iter().for_each(|copy| self.copy_ended(now, group, copy.member, copy.seq, end));
            return;
        };
        for dispatch in due {
            self.send_alone(now, group, dispatch, &row);
        }
    }

    /// Sends a copy of one event.
    fn send_alone(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, row: &Relayed) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Dispatch { member: id, seq, form, .. } = dispatch;
        let Some(member) = hosted.group.state().roster.by_id(id) else { return };
        let push_bytes_max = match self.reach(&member.address) {
            Reach::Fast => u64::from(hosted.group.settings().push_kb_max) * 1_000,
            Reach::Slow | Reach::Unknown | Reach::Busy => 0,
        };
        let Some(copy) = self.copy_for(group, member, row, push_bytes_max) else {
            return self.copy_ended(now, group, id, seq, CopyEnd::Skipped(GapFate::Unwanted));
        };
        if form == Form::AsPosted || row.is_as_posted {
            return self.launch(now, group, dispatch, copy);
        }
        let written = WrittenCopy {
            parts: vec![seq],
            time: copy.time,
            content: copy.content.clone(),
            fields: (!copy.fields.is_empty()).then(|| copy.fields.as_raw().to_vec()),
            attached: copy.attached,
        };
        let fields = match &row.event.kind {
            EventKind::Posted(post) if copy.attached => attach(&copy.fields, &post.attachments),
            _ => copy.fields.clone(),
        };
        let fixed = Fixed { first: seq, last: seq, written: true };
        self.write_and_launch(now, group, dispatch, fixed, written, Copy { fields, ..copy });
    }

    /// Writes a copy down, and sends it once that is durable.
    fn write_and_launch(
        &mut self,
        now: Instant,
        group: GroupId,
        dispatch: Dispatch,
        fixed: Fixed,
        written: WrittenCopy,
        copy: Copy,
    ) {
        let Some(hosted) = self.groups.get_mut(group) else { return };
        let Dispatch { member, seq, .. } = dispatch;
        hosted.delivery.on_composed(member, seq, fixed);
        self.write(Write::Outbox { group, member, fixed, copy: written });
        let dispatch = Dispatch { seq: fixed.last, ..dispatch };
        self.after_commit(now, After::Launch { group, dispatch, copy: Box::new(copy) });
    }

    /// The store gave what waits for a member behind a slow medium.
    pub(super) fn together_found(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, rows: Rows) {
        let Rows::RelayedTogether(rows) = rows else { return };
        let Some(hosted) = self.groups.stir(group) else { return };
        let Dispatch { member: id, seq, .. } = dispatch;
        if !hosted.delivery.is_under_way(id, seq) {
            return;
        }
        if let Form::Digest { begins } = dispatch.form {
            return self.digest_found(now, group, dispatch, begins, &rows);
        }
        // What comes first decides whether anything is sent at all, and goes alone if nothing can join it.
        let Some(first) = rows.first().filter(|row| row.event.seq == seq) else {
            return self.copy_ended(now, group, id, seq, CopyEnd::Skipped(GapFate::Withdrawn));
        };
        let Some(together) = self.together(group, dispatch, &rows) else {
            return self.send_alone(now, group, Dispatch { form: Form::Alone, ..dispatch }, first);
        };
        let Together { content, parts, passed, time } = together;
        let last = parts.last().copied().unwrap_or(seq);
        if let Some(hosted) = self.groups.get_mut(group) {
            passed.iter().for_each(|(seq, fate)| hosted.delivery.note_gap(id, *seq, *seq, *fate));
        }
        self.write_gaps(group);
        self.launch_text(now, group, dispatch, parts, last, time, content);
    }

    /// The store gave the newest of what a digest stands for.
    fn digest_found(
        &mut self,
        now: Instant,
        group: GroupId,
        dispatch: Dispatch,
        begins: bool,
        rows: &[Relayed],
    ) {
        let Some(hosted) = self.groups.get(group) else { return };
        let Some(member) = hosted.group.state().roster.by_id(dispatch.member) else { return };
        let language = hosted.group.language_for(member.identity.hash());
        let (count, _) = hosted.delivery.digested(member.id, dispatch.seq, 0);
        let (mut lines, mut parts, mut room, mut time) = (Vec::new(), Vec::new(), DIGEST_BYTES_MAX, None);
        for row in rows.iter().rev() {
            let row = Relayed { ids: Default::default(), ..row.clone() };
            let Some(copy) = self.copy_for(group, member, &row, 0) else { continue };
            if copy.content.len() > room {
                break;
            }
            room -= copy.content.len() + 1;
            time = time.or(Some(copy.time));
            lines.push(copy.content);
            parts.push(row.event.seq);
        }
        let (Some(time), Some(last), Some(shown)) = (time, parts.first().copied(), parts.last().copied())
        else {
            // Nothing of it is for them, or it is too long for a digest.
            return self.first_alone(now, group, dispatch, rows);
        };
        lines.reverse();
        parts.reverse();
        let content = hosted.group.digest_text(language, begins, count, &lines);
        if let Some(hosted) = self.groups.get_mut(group).filter(|_| shown > dispatch.seq) {
            let hidden = Seq(shown.0 - 1);
            hosted.delivery.note_gap(dispatch.member, dispatch.seq, hidden, GapFate::Digested);
        }
        self.write_gaps(group);
        self.launch_text(now, group, dispatch, parts, last, time, content);
    }

    /// The first of what waits goes by itself, if it goes at all.
    fn first_alone(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, rows: &[Relayed]) {
        match rows.iter().find(|row| row.event.seq == dispatch.seq) {
            Some(row) => self.send_alone(now, group, Dispatch { form: Form::Alone, ..dispatch }, row),
            None => self.dispatch_alone(now, group, Dispatch { form: Form::Alone, ..dispatch }),
        }
    }

    /// Sends a text that holds these posts.
    #[expect(clippy::too_many_arguments, reason = "it is what a copy is made of")]
    fn launch_text(
        &mut self,
        now: Instant,
        group: GroupId,
        dispatch: Dispatch,
        parts: Vec<Seq>,
        last: Seq,
        time: UnixTime,
        content: String,
    ) {
        let fixed = Fixed { first: dispatch.seq, last, written: true };
        let written = WrittenCopy { parts, time, content: content.clone(), fields: None, attached: false };
        let copy = Copy { time, content, fields: Fields::default(), attached: false };
        self.write_and_launch(now, group, dispatch, fixed, written, copy);
    }

    /// As many posts as fit a single packet, if those are more than one.
    fn together(&self, group: GroupId, dispatch: Dispatch, rows: &[Relayed]) -> Option<Together> {
        let hosted = self.groups.get(group)?;
        let member = hosted.group.state().roster.by_id(dispatch.member)?;
        let room = self.packet_room(group, member);
        let candidates = hosted.delivery.candidates(dispatch.member, dispatch.seq);
        let mut rows = rows.iter().peekable();
        let (mut content, mut parts, mut passed) = (String::new(), Vec::new(), Vec::new());
        let is_end = dispatch.form == Form::AfterDigests;
        if is_end {
            let language = hosted.group.language_for(member.identity.hash());
            content = hosted.group.no_digests_text(language);
        }
        let (mut pending, mut time) = (Vec::new(), UnixTime::default());
        for seq in candidates {
            let Some(row) = rows.next_if(|row| row.event.seq == seq) else {
                pending.push((seq, GapFate::Withdrawn));
                continue;
            };
            // In one message with others everything is told in words.
            let row = Relayed { ids: Default::default(), ..row.clone() };
            let Some(copy) = self.copy_for(group, member, &row, 0) else {
                pending.push((seq, GapFate::Unwanted));
                continue;
            };
            let len = content.len() + usize::from(!content.is_empty()) + copy.content.len();
            if !copy.fields.is_empty() || len > room {
                break;
            }
            if !content.is_empty() {
                content.push('\n');
            }
            content.push_str(&copy.content);
            parts.push(seq);
            // Those behind the last one are looked at again.
            passed.append(&mut pending);
            time = copy.time;
        }
        (parts.len() + usize::from(is_end) > 1 && parts.first() == Some(&dispatch.seq)).then_some(Together {
            content,
            parts,
            passed,
            time,
        })
    }

    /// Bytes of content that a single packet to a member carries.
    fn packet_room(&self, group: GroupId, member: &Member) -> usize {
        let app_data = self.engine.peer(&member.address).and_then(|peer| peer.app_data.as_deref());
        let is_stamped = app_data.is_some_and(|app_data| AppData::parse(app_data).stamp_cost.is_some());
        let offers =
            self.groups.get(group).is_some_and(|hosted| stamp_cost(hosted.group.settings()).is_some());
        // Whoever is offered tickets may have given one, too.
        let stamp = if is_stamped || offers { STAMP_BYTES } else { 0 };
        OPPORTUNISTIC_PAYLOAD_MAX - PAYLOAD_OVERHEAD - stamp - if offers { TICKET_BYTES } else { 0 }
    }

    /// The store gave a copy as it was written down.
    pub(super) fn written_found(&mut self, now: Instant, group: GroupId, dispatch: Dispatch, rows: Rows) {
        let Rows::Written(found) = rows else { return };
        let Dispatch { member, seq, again, .. } = dispatch;
        let is_whole = |found: &ReadCopy| {
            let is_there = found.attachments.iter().all(|attachment| attachment.data.0.is_some());
            !found.copy.attached || (is_there && !found.attachments.is_empty())
        };
        if let Some(ReadCopy { copy, attachments }) = found.map(|found| *found).filter(is_whole) {
            let raw = copy.fields.as_deref().and_then(|raw| Fields::from_raw(raw).ok());
            let fields = attach(&raw.unwrap_or_default(), &attachments);
            let WrittenCopy { time, content, attached, .. } = copy;
            return self.launch(now, group, dispatch, Copy { time, content, fields, attached });
        }
        // A text in it was deleted, or what was attached is kept no longer.
        let anew = self.groups.get_mut(group).and_then(|hosted| hosted.delivery.on_withdrawn(member, seq));
        match anew {
            Some(anew) if !again => self.dispatch(now, group, anew),
            _ => self.copy_ended(now, group, member, seq, CopyEnd::Skipped(GapFate::Withdrawn)),
        }
    }

    /// What a member is told of an event; `None` if they may not read it, or do not want to.
    fn copy_for(&self, group: GroupId, member: &Member, row: &Relayed, push_bytes_max: u64) -> Option<Copy> {
        let hosted = self.groups.get(group)?;
        let roster = &hosted.group.state().roster;
        let about = row.target.as_ref().and_then(|target| target.author);
        let is_wanted = member.preferences.push.wants(member.id, &row.event.kind, about);
        let is_news = row.subject_id != Some(member.id) || !row.event.kind.is_told_in_private();
        // A client that knows reactions gets them as such; to the others words are told, or nothing.
        let is_reaction = matches!(row.event.kind, EventKind::Reacted { .. });
        let knows_reactions = row.ids.contains_key(&member.id);
        let is_silent =
            is_reaction && !knows_reactions && member.preferences.reactions == ReactionText::Nothing;
        if is_silent || !is_wanted || !is_news || !row.is_for(&hosted.group.viewer_of(member)) {
            return None;
        }
        let actor = row.event.actor.and_then(|actor| roster.by_id(actor)).map(|actor| actor.address);
        let language = hosted.group.language_for(member.identity.hash());
        let (id, roles) = (row.ids.get(&member.id).copied(), &hosted.group.state().roles);
        relay::copy(language, row, id, actor, push_bytes_max, roles)
    }
}
