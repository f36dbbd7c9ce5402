//! Which events members are told of in messages, and in which words where their clients know only text.

use super::event::EventKind;
use super::post::{Post, PostKind};
use super::setting::Settings;

/// Whether members get a message about such an event.
pub fn is_told(kind: &EventKind, settings: &Settings) -> bool {
    match kind {
        EventKind::Posted(_) => true,
        EventKind::Edited { .. } => settings.tell_edits,
        EventKind::Reacted { .. } => settings.tell_reactions,
        EventKind::Joined { .. } => settings.tell_joined,
        EventKind::Left { .. } => settings.tell_left,
        EventKind::Renamed { .. } => settings.tell_renamed,
        EventKind::Kicked { .. } | EventKind::Banned { .. } => settings.tell_removed,
        _ => false,
    }
}

/// What members receive of a post: `Nick: text`, or `* Nick waves`. The operator has no nick in front of it.
pub fn post_line(nick: Option<&str>, post: &Post) -> String {
    match (nick, post.kind) {
        (Some(nick), PostKind::Deed) => format!("* {nick} {}", post.text),
        (Some(nick), PostKind::Text | PostKind::Notice) => format!("{nick}: {}", post.text),
        (None, _) => post.text.clone(),
    }
}

/// The beginning of another message, as it stands above an answer to it.
pub fn quote_line(nick: Option<&str>, quote: &str) -> String {
    match nick {
        Some(nick) => format!("> {nick}: {quote}"),
        None => format!("> {quote}"),
    }
}

/// What members receive of an event that is no post. `nick` is of who did it, `subject` of whom it concerns.
pub fn told_line(kind: &EventKind, nick: Option<&str>, subject: Option<&str>, quote: &str) -> Option<String> {
    let nick = nick.unwrap_or("The operator");
    let subject = subject.unwrap_or(nick);
    Some(match kind {
        EventKind::Edited { text, .. } => format!("{nick} (edited): {text}"),
        EventKind::Reacted { reaction, .. } => format!("{nick} {} \"{quote}\"", reaction.as_str()),
        EventKind::Joined { nick, .. } => format!("* {nick} joined"),
        EventKind::Left { .. } => format!("* {nick} left"),
        EventKind::Renamed { member, nick } => format!("* #{member} is now {nick}"),
        EventKind::Kicked { .. } => format!("* {subject} was removed"),
        EventKind::Banned { .. } => format!("* {subject} was banned"),
        _ => return None,
    })
}
