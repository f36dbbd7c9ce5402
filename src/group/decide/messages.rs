//! Posting.

use reticulum::time::UnixTime;

use crate::group::attachment::{ATTACHMENTS_MAX, attached_bytes, labels};
use crate::group::mention::mentions;
use crate::group::post::AUDIENCE_MAX;
use crate::group::{
    Attachment, Audience, Caller, Draft, EventKind, Group, Known, MemberId, Outcome, Permission,
    PieceRequest, Post, PostKind, Refusal, StoredPost,
};

impl Group {
    pub(super) fn post(
        &mut self,
        now: UnixTime,
        caller: &Caller,
        mut draft: Draft,
        known: &Known,
    ) -> Result<Outcome, Refusal> {
        if draft.kind == PostKind::Notice {
            self.authorize(caller, Permission::Pin)?;
        } else {
            self.require_member(caller)?;
            self.authorize(caller, Permission::Post)?;
        }
        self.check_attachments(caller, &draft)?;
        if draft.text.trim().is_empty() && !draft.attachments.is_empty() {
            // Clients that show words only, search and quotes have something to show then.
            draft.text = labels(&draft.attachments);
        }
        self.check_text(&draft.text)?;
        if draft.is_typed {
            check_length(&draft.text, self.state.settings.typed_chars_max)?;
        }
        let author = self.member_of(caller).map(|member| (member.id, member.identity.hash(), &member.nick));
        let nick = author.map(|(_, _, nick)| nick.clone());
        let author = author.map(|(member, identity, _)| (member, identity));
        let member = author.map(|(member, _)| member);
        let mut audience = self.check_audience(draft.audience, member)?;
        let mut thread = None;
        if let Some(root) = draft.thread {
            let post = self.readable(caller, root, known)?;
            thread = Some(post.thread.unwrap_or(root));
            inherit(&mut audience, &post, member);
        }
        if let Some(target) = draft.reply_to {
            let post = self.readable(caller, target, known)?;
            thread = thread.or(post.thread);
            inherit(&mut audience, &post, member);
        }
        self.take_turn(now, caller)?;
        let post = Post {
            mentions: mentions(&self.state.roster, &draft.text),
            text: draft.text,
            kind: draft.kind,
            nick,
            reply_to: draft.reply_to,
            thread,
            audience,
            message_id: draft.message_id,
            authorship: draft.authorship,
            relation: draft.relation,
            fields: draft.fields,
            attachments: draft.attachments,
        };
        if let Some((author, why)) =
            member.and_then(|author| Some((author, self.must_wait(author, &post.text)?)))
        {
            return self.hold(now, author, post, why);
        }
        let posted = self.record(now, member, EventKind::Posted(post));
        // The proof of the message is all the answer that its author needs.
        Ok(Outcome { events: vec![posted], ..Outcome::default() })
    }

    /// Whether the caller may attach that, and it is not too much.
    fn check_attachments(&self, caller: &Caller, draft: &Draft) -> Result<(), Refusal> {
        if draft.attachments.is_empty() {
            return Ok(());
        }
        self.authorize(caller, Permission::Attach)?;
        match self.attachments_kb_max() {
            0 => Err(Refusal::NoAttachments),
            kb_max if attached_bytes(&draft.attachments) > u64::from(kb_max) * 1_000 => {
                Err(Refusal::AttachmentTooLarge { kb_max })
            }
            _ if draft.attachments.len() > ATTACHMENTS_MAX => {
                Err(Refusal::TooManyAttachments { max: ATTACHMENTS_MAX })
            }
            _ => Ok(()),
        }
    }

    /// What may be attached to one message, in kB. What would at once be erased again for want of room is not taken.
    pub fn attachments_kb_max(&self) -> u32 {
        let settings = &self.state.settings;
        settings.attachment_kb_max.min(settings.attachments_mb_max.saturating_mul(1_000))
    }

    /// The piece of an attachment that a caller asked for, if they may have it: they can read the message, or may decide
    /// about it while it waits.
    pub fn piece<'a>(
        &self,
        caller: &Caller,
        request: &PieceRequest,
        known: &'a Known,
    ) -> Result<(&'a Attachment, &'a [u8]), Refusal> {
        match request.held {
            Some(number) => {
                self.authorize(caller, Permission::Approve)?;
                self.state.pending.entry(number).ok_or(Refusal::NotFound)?;
            }
            None => {
                self.readable(caller, request.seq, known)?;
            }
        }
        let piece = known.piece.as_ref().ok_or(Refusal::NotFound)?;
        Ok((&piece.of, piece.data.as_deref().ok_or(Refusal::NotKept)?))
    }

    /// Whether a text may stand in a message.
    pub(super) fn check_text(&self, text: &str) -> Result<(), Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        check_length(text, self.state.settings.post_chars_max)
    }

    /// Named members in order and each once, all of them present; the author reads along anyway.
    fn check_audience(&self, audience: Audience, author: Option<MemberId>) -> Result<Audience, Refusal> {
        let Audience::Only { staff, members } = audience else { return Ok(audience) };
        if members.len() > AUDIENCE_MAX {
            return Err(Refusal::Full { max: AUDIENCE_MAX });
        }
        if !members.iter().all(|member| self.state.roster.by_id(*member).is_some()) {
            return Err(Refusal::NotFound);
        }
        match Audience::only(staff, members, author) {
            Audience::Only { staff: false, members } if members.is_empty() => Err(Refusal::NotFound),
            audience => Ok(audience),
        }
    }
}

/// An answer is for those who may read what it answers, lest it tell others; and for who wrote that.
fn inherit(audience: &mut Audience, of: &StoredPost, author: Option<MemberId>) {
    if let Audience::Only { staff, members } = &of.audience {
        let members = members.iter().copied().chain(of.author);
        *audience = Audience::only(*staff, members, author);
    }
}

fn check_length(text: &str, chars_max: u32) -> Result<(), Refusal> {
    let max = chars_max as usize;
    let is_longer = text.len() > max && text.chars().count() > max;
    if is_longer { Err(Refusal::TooLong { max }) } else { Ok(()) }
}
