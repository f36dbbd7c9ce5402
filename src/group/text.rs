//! Every word that this module says to people: what is put together of the phrases of the catalogue, in either language.
//!
//! A reply fits one packet, so names are cut where they would push the rest out.

pub(super) mod phrases;

use std::time::Duration;

use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::time::UnixTime;

use super::entry::InviteCode;
use super::ids::{MemberId, Seq};
use super::known::Listed;
use super::member::Member;
use super::pending::{HeldBecause, PendingId, Waiting};
use super::post::Post;
use super::preference::{Language, Preferences};
use super::refusal::Refusal;
use super::role::{Permission, Permissions, Role};
use super::roles::Roles;
use super::setting::{Key, Kind, Setting, Settings, Shape};
use super::span;
use super::state::State;
use super::told::post_line;

pub(super) use phrases::*;

/// Longest reply, in bytes: with timestamp, headers and an empty title it is 303 bytes, the most that fits a single
/// packet (`spec/lxmf.md` section 3), with a little to spare.
pub const REPLY_BYTES_MAX: usize = 280;
/// Room for one setting in a list of them, in bytes.
const SETTING_BYTES_MAX: usize = 40;
/// Room for the name of a group within a reply, in bytes.
const NAME_BYTES_MAX: usize = 48;

/// What this is, what becomes of one's words, how to go. Later parts are left out where there is no room for them.
pub(super) fn welcome(language: Language, settings: &Settings, nick: &str, members: usize) -> String {
    let mut welcome = phrases::welcome(language, short(&settings.name), nick, members.saturating_sub(1));
    let disclosure = match settings.disclosure.as_str() {
        "" => kept(language, settings),
        disclosure => disclosure.replace('\n', " "),
    };
    for part in [welcome_commands(language), format!(" {disclosure}"), welcome_sideband(language)] {
        if welcome.len() + part.len() <= REPLY_BYTES_MAX {
            welcome.push_str(&part);
        }
    }
    welcome
}

/// Told to both in a conversation of two when it begins.
pub(super) fn welcome_to_pair(
    language: Language,
    settings: &Settings,
    nick: &str,
    other: Option<&str>,
) -> String {
    let with = other.map_or_else(|| somebody_unheard(language), str::to_owned);
    phrases::welcome_to_pair(language, nick, &with, &kept(language, settings))
}

/// What becomes of what members write.
fn kept(language: Language, settings: &Settings) -> String {
    match (settings.keep_messages, settings.keep_days) {
        (0, 0) => kept_for_ever(language),
        (0, days) => kept_for_days(language, days),
        (newest, 0) => kept_newest(language, newest),
        (newest, days) => kept_newest_for_days(language, newest, days),
    }
}

pub(super) fn code_issued(
    language: Language,
    code: &InviteCode,
    uses: u32,
    lasts: Option<Duration>,
) -> String {
    let lasts = match lasts {
        None => lasts_for_ever(language),
        Some(lasts) => lasts_for(language, &span_words(language, lasts)),
    };
    phrases::code_issued(language, &code.to_string(), uses, &lasts)
}

pub(super) fn you_are_invited(language: Language, name: &str, by: Option<&str>, kind: Kind) -> String {
    let by = by.map(|nick| phrases::by(language, nick)).unwrap_or_default();
    match kind {
        Kind::Direct => you_are_asked(language, &by),
        Kind::Group | Kind::Channel => phrases::you_are_invited(language, short(name), &by),
    }
}

/// A length of time in the largest unit that it has two of.
fn span_words(language: Language, time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        172_800.. => span_days(language, seconds / 86_400),
        7_200.. => format!("{} h", seconds / 3_600),
        120.. => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

pub(super) fn claimed(language: Language, name: &str) -> String {
    phrases::claimed(language, short(name))
}

pub(super) fn left(language: Language, name: &str) -> String {
    phrases::left(language, short(name))
}

/// What was set, as many as fit.
pub(super) fn set(language: Language, changed: &[Setting]) -> String {
    let each = changed.iter().map(|setting| setting_line(setting, REPLY_BYTES_MAX));
    phrases::set(language, &each.collect::<Vec<_>>().join(", "))
}

/// What a setting holds, without its name.
pub(super) fn told_setting(language: Language, setting: &Setting) -> String {
    let value = setting.value().to_string();
    if value.is_empty() { there_is_no(language, setting.key().name()) } else { reply(value) }
}

/// What the group is, for a member: the most important first, as much as fits.
pub(super) fn info(language: Language, state: &State) -> String {
    let settings = &state.settings;
    let kind = match settings.kind {
        Kind::Group => kind_group(language),
        Kind::Channel => kind_channel(language),
        Kind::Direct => kind_direct(language),
    };
    let mut info = phrases::info(language, short(&settings.name), &kind, state.roster.len(), state.messages);
    for part in [&settings.topic, &settings.description, &settings.disclosure] {
        if !part.is_empty() {
            info.push(' ');
            info.push_str(&part.replace('\n', " "));
        }
    }
    info.push(' ');
    info.push_str(&kept(language, settings));
    reply(info)
}

/// What a member chose.
pub(super) fn chosen(language: Language, preferences: Preferences) -> String {
    let each = preferences.iter().map(|one| format!("{} {}", one.key(), one.word()));
    phrases::chosen(language, &each.collect::<Vec<_>>().join(", "))
}

/// Who is there, as many as fit.
pub(super) fn who_is_there(language: Language, online: &[&str], away: &[&str], members: usize) -> String {
    let (here, earlier) = (online.join(", "), away.join(", "));
    phrases::who_is_there(language, online.len(), members, &here, away.len(), &earlier)
}

/// One member.
pub(super) fn member(language: Language, member: &Member, role: &str, invited_by: Option<&str>) -> String {
    let invited_by = invited_by.map(|by| phrases::invited_by(language, by)).unwrap_or_default();
    let (identity, address) = (member.identity.hash().to_string(), member.address.to_string());
    phrases::member(language, member.id, &member.nick, role, &invited_by, &identity, &address)
}

/// One setting in full, and what it takes.
pub(super) fn setting(language: Language, setting: &Setting) -> String {
    let shape = shape(language, setting.key().shape());
    let room = REPLY_BYTES_MAX.saturating_sub(setting_takes(language, "", &shape).len());
    setting_takes(language, &setting_line(setting, room), &shape)
}

/// What values a setting takes.
fn shape(language: Language, shape: Shape) -> String {
    match shape {
        Shape::Line { min: 0, max } => shape_line_to(language, max),
        Shape::Line { min, max } => shape_line(language, min, max),
        Shape::Text { max } => shape_text(language, max),
        Shape::Patterns { max } => shape_patterns(language, max),
        Shape::Number { min, max } => shape_number(language, min, max),
        Shape::Switch => shape_switch(language),
        Shape::Choice(words) => words.join(&or(language)),
        Shape::Icon => shape_icon(language),
    }
}

/// A page of settings, from the one with this place on, as many as fit, and how to see the next.
pub(super) fn settings(language: Language, settings: &Settings, from: usize) -> String {
    let more = |place: usize| format!(". {}", phrases::more(language, &format!("/set {place}")));
    let more_bytes_max = more(99).len();
    let mut page = String::new();
    for (place, key) in Key::ALL.iter().enumerate().skip(from) {
        let gap = if page.is_empty() { "" } else { ", " };
        let entry = gap.to_owned() + &setting_line(&settings.setting(*key), SETTING_BYTES_MAX);
        if page.len() + entry.len() + more_bytes_max > REPLY_BYTES_MAX {
            page.push_str(&more(place));
            return page;
        }
        page.push_str(&entry);
    }
    page
}

/// `name=Harbour`; a value that is longer than the room for it ends in an ellipsis.
fn setting_line(setting: &Setting, bytes_max: usize) -> String {
    let line = format!("{}={}", setting.key().name(), setting.value().to_string().replace('\n', " "));
    if line.len() <= bytes_max { line } else { cut(&line, bytes_max - "…".len()).to_owned() + "…" }
}

pub(super) fn banned(
    language: Language,
    nick: &str,
    identity: IdentityHash,
    lasts: Option<Duration>,
) -> String {
    phrases::banned(language, &nick_or_hash(nick, identity), &lasting(language, lasts))
}

pub(super) fn unbanned(language: Language, nick: &str, identity: IdentityHash) -> String {
    phrases::unbanned(language, &nick_or_hash(nick, identity))
}

/// What a member may do now.
pub(super) fn may_now(language: Language, nick: &str, permissions: Permissions) -> String {
    phrases::may_now(language, nick, &permission_names(language, permissions))
}

/// Told to whom it is about.
pub(super) fn you_were_renamed(language: Language, name: &str, nick: &str) -> String {
    phrases::you_were_renamed(language, nick, short(name))
}

/// Told to whom it is about.
pub(super) fn you_have_role(language: Language, name: &str, role: &str) -> String {
    phrases::you_have_role(language, short(name), role)
}

/// Told to whom it is about.
pub(super) fn you_may_now(language: Language, name: &str, permissions: Permissions) -> String {
    phrases::you_may_now(language, short(name), &permission_names(language, permissions))
}

pub(super) fn role_defined(language: Language, name: &str, permissions: Permissions) -> String {
    phrases::role_defined(language, name, &permission_names(language, permissions))
}

fn permission_names(language: Language, permissions: Permissions) -> String {
    if permissions.is_empty() {
        return nothing_but_read(language);
    }
    permissions.iter().map(Permission::name).collect::<Vec<_>>().join(", ")
}

/// What those who may decide are told of a message that waits.
pub(super) fn held_notice(
    language: Language,
    number: PendingId,
    nick: &str,
    text: &str,
    why: HeldBecause,
) -> String {
    let end = held_notice_end(language);
    let mut line = phrases::held_notice(language, number, &why_name(language, why), nick);
    let room = REPLY_BYTES_MAX.saturating_sub(line.len() + end.len() + "…".len());
    let shown = cut(text, room);
    line.push_str(shown);
    line.push_str(if shown.len() < text.len() { "…" } else { "" });
    line.push_str(&end);
    reply(line)
}

pub(super) fn join_requested(
    language: Language,
    number: PendingId,
    nick: &str,
    identity: IdentityHash,
) -> String {
    phrases::join_requested(language, number, nick, cut(&identity.to_string(), 8))
}

pub(super) fn you_may_not_join(language: Language, name: &str, reason: &str) -> String {
    phrases::you_may_not_join(language, short(name), &because(language, reason))
}

pub(super) fn you_were_rejected(language: Language, number: PendingId, reason: &str) -> String {
    phrases::you_were_rejected(language, number, &because(language, reason))
}

/// What waits from a number on, as much as fits, and how to see the rest.
pub(super) fn held_list(language: Language, state: &State, from: PendingId) -> String {
    /// Bytes of a text that are shown.
    const TEXT_BYTES_MAX: usize = 60;
    if state.pending.is_empty() {
        return nothing_waits(language);
    }
    let more = |number: PendingId| format!(". {}", phrases::more(language, &format!("/held {number}")));
    let more_bytes_max = more(PendingId(u32::MAX)).len();
    let mut page = they_wait(language, state.pending.len());
    let mut is_first = true;
    for (number, pending) in state.pending.iter_after(PendingId(from.0.saturating_sub(1))) {
        let gap = if is_first { "" } else { "; " };
        let what = match &pending.what {
            Waiting::Join { nick, .. } => wants_to_come_in(language, nick),
            Waiting::Post { author, post, why } => {
                let nick = state.roster.by_id(*author).map_or("?", |member| &member.nick);
                format!("({}) {nick}: {}", why_name(language, *why), cut(&post.text, TEXT_BYTES_MAX))
            }
        };
        let entry = format!("{gap}#{number} {what}");
        if page.len() + entry.len() + more_bytes_max > REPLY_BYTES_MAX && !is_first {
            page.push_str(&more(number));
            return reply(page);
        }
        page.push_str(&entry);
        is_first = false;
    }
    reply(page)
}

fn why_name(language: Language, why: HeldBecause) -> String {
    match why {
        HeldBecause::Newcomer => because_newcomer(language),
        HeldBecause::Word => because_word(language),
        HeldBecause::Pattern => because_pattern(language),
        HeldBecause::Link => because_link(language),
    }
}

/// What the staff is told of a report.
pub(super) fn report_notice(
    language: Language,
    reporter: &str,
    post: Option<Seq>,
    member: &str,
    reason: &str,
) -> String {
    let because = because(language, reason);
    match post {
        Some(seq) => report_of_message(language, reporter, seq, member, &because),
        None => report_of_member(language, reporter, member, &because),
    }
}

pub(super) fn you_were_kicked(language: Language, name: &str, reason: &str) -> String {
    phrases::you_were_kicked(language, short(name), &because(language, reason))
}

pub(super) fn you_were_banned(
    language: Language,
    name: &str,
    lasts: Option<Duration>,
    reason: &str,
) -> String {
    phrases::you_were_banned(language, short(name), &lasting(language, lasts), &because(language, reason))
}

pub(super) fn muted(language: Language, nick: &str, lasts: Option<Duration>) -> String {
    phrases::muted(language, nick, &lasting(language, lasts))
}

pub(super) fn unmuted(language: Language, nick: &str, identity: IdentityHash) -> String {
    phrases::unmuted(language, &nick_or_hash(nick, identity))
}

pub(super) fn you_were_muted(
    language: Language,
    name: &str,
    lasts: Option<Duration>,
    reason: &str,
) -> String {
    phrases::you_were_muted(language, short(name), &lasting(language, lasts), &because(language, reason))
}

pub(super) fn you_may_speak(language: Language, name: &str) -> String {
    phrases::you_may_speak(language, short(name))
}

fn lasting(language: Language, lasts: Option<Duration>) -> String {
    lasts.map_or_else(String::new, |lasts| for_span(language, &span::name(lasts)))
}

/// The one line that a stranger gets. `name` is absent where strangers do not learn it.
pub(super) fn stranger(language: Language, name: Option<&str>) -> String {
    phrases::stranger(language, name.map_or(&this(language), |name| short(name)))
}

/// What somebody is told whose message came without the stamp that the group asks for.
pub fn unstamped(language: Language, cost: u8, kept: bool) -> String {
    if kept { unstamped_kept(language, cost) } else { unstamped_refused(language, cost) }
}

/// What somebody is told who asked for attachments that are not there, or no longer.
pub fn not_kept(language: Language, seq: Seq) -> String {
    phrases::not_kept(language, seq)
}

/// What stands beside attachments that somebody asked for.
pub fn fetched(language: Language, seq: Seq) -> String {
    phrases::fetched(language, seq)
}

/// What the author is told of a post that came by a propagation node, since that way has no proof.
pub fn receipt(language: Language, seq: Seq) -> String {
    phrases::receipt(language, seq)
}

pub(super) fn node(language: Language, node: Option<DestinationHash>) -> String {
    match node {
        Some(node) => phrases::node(language, &node.to_string()),
        None => no_node(language),
    }
}

/// A page of members, `12 members: 1 Bob (owner), 2 Ann`, as many as fit, and how to see the next.
pub(super) fn members<'a>(
    language: Language,
    total: usize,
    members: impl Iterator<Item = &'a Member>,
    roles: &Roles,
) -> String {
    let more = |id: MemberId| format!(". {}", phrases::more(language, &format!("/members {id}")));
    let more_bytes_max = more(MemberId(u32::MAX)).len();
    let mut page = members_page(language, total);
    let mut is_first = true;
    for member in members {
        let role = if member.role == Role::Member {
            String::new()
        } else {
            format!(" ({})", roles.name(member.role))
        };
        let gap = if is_first { "" } else { ", " };
        let entry = format!("{gap}{} {}{role}", member.id, member.nick);
        if page.len() + entry.len() + more_bytes_max > REPLY_BYTES_MAX {
            page.push_str(&more(member.id));
            return page;
        }
        page.push_str(&entry);
        is_first = false;
    }
    page
}

/// Messages with their numbers and ages, the newest of them that fit, in the order in which they were said. `found` has
/// the newest first; `older` is the command that goes on before the first one.
pub(super) fn listed(language: Language, now: UnixTime, found: &[Listed], older: Option<&str>) -> String {
    const LINE_BYTES_MAX: usize = 90;
    let more =
        |command: &str, seq: Seq| format!("\n{}", phrases::more(language, &format!("{command} {seq}")));
    let mut lines: Vec<String> = Vec::new();
    let mut left = REPLY_BYTES_MAX - more(older.unwrap_or_default(), Seq(u64::MAX)).len();
    for one in found {
        let words = one.post.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let post = Post { text: words, kind: one.post.kind, ..Post::default() };
        let said = post_line(one.nick.as_deref(), &post);
        let line = format!("#{} {} {said}", one.seq, age(language, now.since(one.time)));
        let line =
            if line.len() > LINE_BYTES_MAX { cut(&line, LINE_BYTES_MAX).to_owned() + "…" } else { line };
        let Some(rest) = left.checked_sub(line.len() + 1) else { break };
        left = rest;
        lines.push(line);
    }
    let more = match (older, lines.len() < found.len(), found.get(lines.len().saturating_sub(1))) {
        (Some(command), true, Some(first)) => more(command, first.seq),
        _ => String::new(),
    };
    if lines.is_empty() {
        return nothing_found(language);
    }
    lines.reverse();
    lines.join("\n") + &more
}

fn age(language: Language, age: Duration) -> String {
    match age.as_secs() {
        s if s < 60 => just_now(language),
        s if s < 3_600 => format!("{}m", s / 60),
        s if s < 86_400 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// How many of what there are.
pub(super) fn stats(language: Language, state: &State) -> String {
    phrases::stats(
        language,
        state.roster.len(),
        state.messages,
        state.pending.len(),
        state.bans.len(),
        state.mutes.len(),
        state.head.0,
    )
}

/// One line about a refusal, at most [`REPLY_BYTES_MAX`] bytes.
pub fn refusal(language: Language, refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotIdentified => not_identified(language),
        Refusal::NotMember => not_member(language),
        Refusal::Banned { reason } => you_are_banned(language, &because(language, reason)),
        Refusal::NoPermission => no_permission(language),
        Refusal::NotFound => not_found(language),
        Refusal::Already => already(language),
        Refusal::TooLong { max } => too_long(language, *max),
        Refusal::AttachmentTooLarge { kb_max } => attachment_too_large(language, *kb_max),
        Refusal::TooManyAttachments { max } => too_many_attachments(language, *max),
        Refusal::NoAttachments => no_attachments(language),
        Refusal::NotKept => no_longer_kept(language),
        Refusal::Empty => empty(language),
        Refusal::RateLimited { retry_after_s } => rate_limited(language, *retry_after_s),
        Refusal::NickTaken => nick_taken(language),
        Refusal::NameTaken => name_taken(language),
        Refusal::Full { max } => full(language, *max),
        Refusal::Waiting { number } => waiting(language, *number),
        Refusal::Closed => closed(language),
        Refusal::NotInvited => not_invited(language),
        Refusal::CodeExpired => code_expired(language),
        Refusal::CodeUsedUp => code_used_up(language),
        Refusal::WorkNeeded { bits } => work_needed(language, *bits),
        Refusal::StampStale => stamp_stale(language),
        Refusal::StampWeak { needed, found } => stamp_weak(language, *found, *needed),
        Refusal::NameNeeded => name_needed(language),
        Refusal::BadValue { key } => bad_value(language, key.name(), &shape(language, key.shape())),
        Refusal::NotInThisKind => not_in_this_kind(language),
        Refusal::BadCode => bad_code(language),
        Refusal::Muted { reason, retry_after_s } => {
            let lasts = retry_after_s.map(|s| Duration::from_secs(s.into()));
            you_are_muted(language, &lasting(language, lasts), &because(language, reason))
        }
        Refusal::ReadOnly => read_only(language),
        Refusal::MustWait => must_wait(language),
        Refusal::LastOwner => last_owner(language),
        Refusal::BadReaction => bad_reaction(language),
        Refusal::Ambiguous { choices } => {
            let choices = choices.iter().map(|(id, nick)| format!("#{id} {nick}"));
            ambiguous(language, &choices.collect::<Vec<_>>().join(", "))
        }
    }
}

pub(super) fn nick_or_hash(nick: &str, identity: IdentityHash) -> String {
    if nick.is_empty() { identity.to_string() } else { nick.to_owned() }
}

fn because(language: Language, reason: &str) -> String {
    if reason.is_empty() { String::new() } else { because_of(language, reason) }
}

/// The name of a group, as much of it as replies have room for.
fn short(name: &str) -> &str {
    cut(name, NAME_BYTES_MAX)
}

pub(super) fn reply(text: String) -> String {
    if text.len() <= REPLY_BYTES_MAX {
        text
    } else {
        cut(&text, REPLY_BYTES_MAX - "…".len()).to_owned() + "…"
    }
}

/// The longest beginning of at most `bytes_max` bytes that ends between characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests;
