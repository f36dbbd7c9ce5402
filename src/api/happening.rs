//! One event of the history as it travels. What is as usual costs nothing.

use proto::v1::{self, change::What, history_event::Body};

use reticulum::time::UnixTime;

use super::attachment::told;
use super::reply;
use super::route::settings;
use crate::group::{Audience, Event, EventKind, MemberId, Post, PostKind, Seq};
use crate::store::{Details, Entry};

/// The event, without its place in a page; `None` if it is of no concern to clients.
pub(super) fn happening(entry: &Entry) -> Option<v1::HistoryEvent> {
    let Entry { event, details } = entry;
    let details = details.as_deref();
    let body = body(event, details)?;
    let details = match &event.kind {
        EventKind::Posted(post) => message_details(event.seq, post, details),
        _ => None,
    };
    let author = event.actor.map_or(0, |member| member.0);
    Some(v1::HistoryEvent { author, details, body: Some(body), ..v1::HistoryEvent::default() })
}

fn body(event: &Event, details: Option<&Details>) -> Option<Body> {
    let change = |target: &Seq, what| Some(Body::Change(change(event.seq, *target, what)));
    match &event.kind {
        // The log holds no empty post: the text of this one was erased.
        EventKind::Posted(post) if post.text.is_empty() => Some(Body::Deleted(true)),
        EventKind::Posted(post) => Some(Body::Text(post.text.clone())),
        EventKind::Deleted { target, .. } => Some(Body::Deletes(before(event.seq, *target))),
        EventKind::Edited { target, .. } if details.is_some_and(|details| details.superseded) => {
            change(target, What::Edited(true))
        }
        EventKind::Edited { target, text, mentions } => {
            let what = self::change(event.seq, *target, What::Edit(text.clone()));
            Some(Body::Change(v1::Change { mentions: numbers(mentions), ..what }))
        }
        EventKind::Reacted { target, reaction } => {
            change(target, What::Reaction(reaction.as_str().to_owned()))
        }
        EventKind::Unreacted { target, reaction } => {
            change(target, What::Unreaction(reaction.as_str().to_owned()))
        }
        EventKind::Pinned { target } => change(target, What::Pin(true)),
        EventKind::Unpinned { target } => change(target, What::Unpin(true)),
        _ => system(event).map(Body::System),
    }
}

fn change(seq: Seq, target: Seq, what: What) -> v1::Change {
    v1::Change { target: before(seq, target), what: Some(what), mentions: Vec::new() }
}

fn system(event: &Event) -> Option<v1::System> {
    use v1::SystemKind::{
        Banned, Claimed, CleanedUp, Dissolved, Joined, Kicked, Left, Muted, Permissions, Renamed,
    };
    use v1::SystemKind::{Role, RoleDefined, RoleDeleted, Setting, Unbanned, Unmuted};
    let of = |kind: v1::SystemKind| v1::System { kind: kind.into(), ..v1::System::default() };
    let until_s = |until: &Option<UnixTime>| until.map_or(0, UnixTime::as_secs);
    let told = match &event.kind {
        EventKind::Joined { nick, .. } => v1::System { nick: nick.clone(), ..of(Joined) },
        EventKind::Left { .. } => of(Left),
        EventKind::Dissolved => of(Dissolved),
        EventKind::Renamed { nick, .. } => v1::System { nick: nick.clone(), ..of(Renamed) },
        EventKind::Kicked { .. } => of(Kicked),
        EventKind::Banned { nick, until, .. } => {
            v1::System { nick: nick.clone(), until_s: until_s(until), ..of(Banned) }
        }
        EventKind::Unbanned { .. } => of(Unbanned),
        EventKind::Muted { until, .. } => v1::System { until_s: until_s(until), ..of(Muted) },
        EventKind::Unmuted { .. } => of(Unmuted),
        EventKind::OwnerClaimed { .. } => of(Claimed),
        EventKind::RoleAssigned { role, .. } => v1::System { role: reply::role(*role), ..of(Role) },
        EventKind::PermissionsChanged { granted, revoked, .. } => v1::System {
            granted: reply::permission_numbers(*granted),
            revoked: reply::permission_numbers(*revoked),
            ..of(Permissions)
        },
        EventKind::RoleDefined { number, role } => {
            v1::System { role: i32::from(*number), nick: role.name.clone(), ..of(RoleDefined) }
        }
        EventKind::RoleDeleted { number, .. } => v1::System { role: i32::from(*number), ..of(RoleDeleted) },
        EventKind::SettingChanged(setting) => {
            v1::System { setting: Some(settings::told(setting)), ..of(Setting) }
        }
        EventKind::CleanedUp { deleted, .. } => v1::System { deleted: *deleted, ..of(CleanedUp) },
        _ => return None,
    };
    let member = event.kind.subject().filter(|member| Some(*member) != event.actor);
    Some(v1::System { member: member.map_or(0, |member| member.0), ..told })
}

/// `None` where there is nothing to tell.
fn message_details(seq: Seq, post: &Post, details: Option<&Details>) -> Option<v1::MessageDetails> {
    let (staff, only) = match &post.audience {
        Audience::Everyone => (false, Vec::new()),
        Audience::Only { staff, members } => (*staff, numbers(members)),
    };
    let mut message = v1::MessageDetails {
        kind: kind(post.kind).into(),
        replies: post.reply_to.map_or(0, |target| before(seq, target)),
        thread: post.thread.map_or(0, |root| before(seq, root)),
        staff,
        only,
        mentions: numbers(&post.mentions),
        attachments: told(&post.attachments, details.map_or(0, |details| details.attachments_gone)),
        ..v1::MessageDetails::default()
    };
    if let Some(Details { edited, quote, reactions, .. }) = details {
        message.edited = *edited;
        if let Some(quote) = quote {
            message.quote.clone_from(&quote.text);
            message.quoted = quote.author.map_or(0, |member| member.0);
        }
        message.reactions = reactions.iter().map(reaction_count).collect();
    }
    (message != v1::MessageDetails::default()).then_some(message)
}

fn reaction_count(of: &crate::store::ReactionCount) -> v1::ReactionCount {
    v1::ReactionCount {
        reaction: of.reaction.as_str().to_owned(),
        more: of.count.saturating_sub(1),
        own: of.own,
    }
}

fn kind(kind: PostKind) -> v1::MessageKind {
    match kind {
        PostKind::Text => v1::MessageKind::Text,
        PostKind::Deed => v1::MessageKind::Deed,
        PostKind::Notice => v1::MessageKind::Notice,
    }
}

fn numbers(members: &[MemberId]) -> Vec<u32> {
    members.iter().map(|member| member.0).collect()
}

/// How many numbers before `seq` the target lies.
fn before(seq: Seq, target: Seq) -> u64 {
    seq.0.saturating_sub(target.0)
}
