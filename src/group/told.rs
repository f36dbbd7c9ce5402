//! Which events members are told of in messages, and in which words where their clients know only text.

use super::event::EventKind;
use super::post::{Post, PostKind};
use super::preference::Language;
use super::setting::Settings;
use super::text;

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
pub fn told_line(
    language: Language,
    kind: &EventKind,
    nick: Option<&str>,
    subject: Option<&str>,
    quote: &str,
) -> Option<String> {
    let operator = text::the_operator(language);
    let nick = nick.unwrap_or(&operator);
    let subject = subject.unwrap_or(nick);
    Some(match kind {
        // As long as what was said, which need not fit one packet.
        EventKind::Edited { text, .. } => text::told_edited(language, nick) + text,
        EventKind::Reacted { reaction, .. } => format!("{nick} {} \"{quote}\"", reaction.as_str()),
        EventKind::Joined { nick, .. } => text::told_joined(language, nick),
        EventKind::Left { .. } => text::told_left(language, nick),
        EventKind::Renamed { member, nick } => text::told_renamed(language, *member, nick),
        EventKind::Kicked { .. } => text::told_kicked(language, subject),
        EventKind::Banned { .. } => text::told_banned(language, subject),
        _ => return None,
    })
}
