//! Which events members are told of in messages, and in which words where their clients know only text.

use std::time::Duration;

use super::event::EventKind;
use super::post::{Post, PostKind};
use super::preference::Language;
use super::role::Role;
use super::roles::Roles;
use super::setting::{Setting, Settings};
use super::{span, text};

/// Whether members get a message about such an event.
pub fn is_told(kind: &EventKind, settings: &Settings) -> bool {
    match kind {
        EventKind::Posted(_) | EventKind::Dissolved => true,
        EventKind::Edited { .. } => settings.tell_edits,
        EventKind::Reacted { .. } => settings.tell_reactions,
        EventKind::Joined { .. } => settings.tell_joined,
        EventKind::Left { .. } => settings.tell_left,
        EventKind::Renamed { .. } => settings.tell_renamed,
        EventKind::Kicked { .. } | EventKind::Banned { .. } => settings.tell_removed,
        EventKind::Muted { .. } | EventKind::Unmuted { .. } => settings.tell_muted,
        EventKind::Deleted { in_clean_up, .. } => settings.tell_deleted && !in_clean_up,
        EventKind::CleanedUp { expired, .. } => settings.tell_deleted && !expired,
        EventKind::OwnerClaimed { .. }
        | EventKind::RoleAssigned { .. }
        | EventKind::PermissionsChanged { .. } => settings.tell_roles,
        EventKind::SettingChanged(setting) => settings.tell_settings && setting.key().is_told(),
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
    roles: &Roles,
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
        EventKind::Muted { .. } => text::told_muted(language, subject),
        EventKind::Unmuted { .. } => text::told_unmuted(language, subject),
        // Who takes back what they wrote themselves tells those who ask for the history.
        EventKind::Deleted { .. } if subject == nick => return None,
        EventKind::Deleted { .. } => text::told_deleted(language, nick, subject),
        EventKind::CleanedUp { author: Some(_), deleted, .. } => {
            text::told_cleaned_up_of(language, nick, *deleted, subject)
        }
        EventKind::CleanedUp { expired: false, deleted, .. } => {
            text::told_cleaned_up(language, nick, *deleted)
        }
        EventKind::OwnerClaimed { .. } => text::told_role(language, subject, Role::Owner.name()),
        EventKind::RoleAssigned { role, .. } => text::told_role(language, subject, roles.name(*role)),
        EventKind::PermissionsChanged { .. } => text::told_permissions(language, subject),
        EventKind::SettingChanged(setting) => set_line(language, setting, nick),
        EventKind::Dissolved => text::told_dissolved(language, nick),
        _ => return None,
    })
}

/// What members receive of a setting. A text is told in full, which need not fit one packet.
fn set_line(language: Language, setting: &Setting, nick: &str) -> String {
    let value = setting.value().to_string();
    match setting {
        Setting::ReadOnly(true) => text::told_read_only(language),
        Setting::ReadOnly(false) => text::told_no_longer_read_only(language),
        Setting::SlowMode(0) => text::told_no_slow_mode(language),
        Setting::SlowMode(seconds) => {
            text::told_slow_mode(language, &span::name(Duration::from_secs((*seconds).into())))
        }
        _ if value.is_empty() => text::told_emptied(language, nick, setting.key().name()),
        _ => text::told_set(language, nick, setting.key().name()) + &value,
    }
}
