//! Every word that this module says to people, in one place.
//!
//! A reply fits one packet, so names are cut where they would push the rest out.

use std::time::Duration;

use reticulum::hash::{DestinationHash, IdentityHash};

use reticulum::time::UnixTime;

use super::entry::InviteCode;
use super::ids::Seq;
use super::known::Listed;
use super::member::Member;
use super::pending::{HeldBecause, PendingId, Waiting};
use super::post::Post;
use super::preference::Preferences;
use super::refusal::Refusal;
use super::role::{Permission, Permissions, Role};
use super::roles::Roles;
use super::setting::{Key, Kind, Setting, Settings};
use super::span;
use super::state::State;
use super::told::post_line;

/// Longest reply, in bytes: with timestamp, headers and an empty title it is 303 bytes, the most that fits a single
/// packet (`spec/lxmf.md` section 3), with a little to spare.
pub const REPLY_BYTES_MAX: usize = 280;
/// Room for one setting in a list of them, in bytes.
const SETTING_BYTES_MAX: usize = 40;
/// Room for the name of a group within a reply, in bytes.
const NAME_BYTES_MAX: usize = 48;

/// What this is, what becomes of one's words, how to go. Later parts are left out where there is no room for them.
pub(super) fn welcome(settings: &Settings, nick: &str, members: usize) -> String {
    let name = cut(&settings.name, NAME_BYTES_MAX);
    let others = members.saturating_sub(1);
    let mut welcome = format!("Welcome to {name}. You are {nick}; {others} others read what you write.");
    let disclosure =
        if settings.disclosure.is_empty() { kept(settings) } else { settings.disclosure.replace('\n', " ") };
    for part in [
        " /leave to go, /help for more.",
        &format!(" {disclosure}"),
        " In Sideband, mark this chat as trusted to be notified.",
    ] {
        if welcome.len() + part.len() <= REPLY_BYTES_MAX {
            welcome.push_str(part);
        }
    }
    reply(welcome)
}

/// Told to both in a conversation of two when it begins.
pub(super) fn welcome_to_pair(settings: &Settings, nick: &str, other: Option<&str>) -> String {
    let with = other.map_or_else(|| "somebody who was not heard yet".to_owned(), str::to_owned);
    let kept = kept(settings);
    reply(format!("You are {nick}, and talk with {with} here; nobody else can come in. /leave to go. {kept}"))
}

/// What becomes of what members write.
fn kept(settings: &Settings) -> String {
    let time = match settings.keep_days {
        0 => String::new(),
        days => format!(" for {days} days"),
    };
    match settings.keep_messages {
        0 => format!("They can copy it, and this node keeps it{time}."),
        newest => format!("They can copy it, and this node keeps the newest {newest}{time}."),
    }
}

pub(super) fn invited(identity: IdentityHash) -> String {
    reply(format!("{identity} is invited, and is told when they are heard."))
}

pub(super) fn uninvited(identity: IdentityHash) -> String {
    reply(format!("{identity} is no longer invited."))
}

pub(super) fn code_issued(code: &InviteCode, uses: u32, lasts: Option<Duration>) -> String {
    let lasts = lasts.map_or("for ever".to_owned(), |lasts| format!("for {}", span(lasts)));
    reply(format!("/join {code} lets {uses} in, {lasts}. It is not shown again."))
}

pub(super) fn code_revoked(number: Seq) -> String {
    reply(format!("Code {number} lets nobody in any more."))
}

pub(super) fn you_are_invited(name: &str, by: Option<&str>, kind: Kind) -> String {
    let name = cut(name, NAME_BYTES_MAX);
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    reply(match kind {
        Kind::Direct => {
            format!("You are asked for a conversation{by}. /join to begin; nobody else can read it here.")
        }
        Kind::Group | Kind::Channel => {
            format!(
                "You are invited to {name}{by}. Send /join to come in. Members see your name and your address."
            )
        }
    })
}

/// A length of time in the largest unit that it has two of.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7_200.. => format!("{} h", seconds / 3_600),
        120.. => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

pub(super) fn claimed(name: &str) -> String {
    reply(format!("You are the owner of {}. /help shows what you can do.", cut(name, NAME_BYTES_MAX)))
}

pub(super) fn left(name: &str) -> String {
    reply(format!("You left {}. /join to come back.", cut(name, NAME_BYTES_MAX)))
}

pub(super) fn renamed(nick: &str) -> String {
    reply(format!("You are now {nick}."))
}

/// What was set, as many as fit.
pub(super) fn set(changed: &[Setting]) -> String {
    let each = changed.iter().map(|setting| setting_line(setting, REPLY_BYTES_MAX));
    reply(format!("Set: {}", each.collect::<Vec<_>>().join(", ")))
}

/// What a setting holds, without its name.
pub(super) fn told_setting(setting: &Setting) -> String {
    let value = setting.value().to_string();
    if value.is_empty() { reply(format!("There is no {}.", setting.key().name())) } else { reply(value) }
}

/// What the group is, for a member: the most important first, as much as fits.
pub(super) fn info(state: &State) -> String {
    let settings = &state.settings;
    let kind = match settings.kind {
        Kind::Group => "group",
        Kind::Channel => "channel: only some post",
        Kind::Direct => "conversation of two",
    };
    let name = cut(&settings.name, NAME_BYTES_MAX);
    let mut info = format!("{name} ({kind}), {} members, {} messages.", state.roster.len(), state.messages);
    for part in [&settings.topic, &settings.description, &settings.disclosure] {
        if !part.is_empty() {
            info.push(' ');
            info.push_str(&part.replace('\n', " "));
        }
    }
    info.push(' ');
    info.push_str(&kept(settings));
    reply(info)
}

/// Why a silent member was removed.
pub(super) fn idle_reason(days: u32) -> String {
    format!("not heard for {days} days")
}

/// What a member chose.
pub(super) fn chosen(preferences: Preferences) -> String {
    let each = preferences.iter().map(|one| format!("{} {}", one.key(), one.word()));
    reply(format!("For you: {}.", each.collect::<Vec<_>>().join(", ")))
}

/// Who is there, as many as fit.
pub(super) fn who_is_there(online: &[&str], away: &[&str], members: usize) -> String {
    reply(format!(
        "{} of {members} are here: {}. {} heard today: {}.",
        online.len(),
        online.join(", "),
        away.len(),
        away.join(", ")
    ))
}

/// One member.
pub(super) fn member(member: &Member, role: &str, invited_by: Option<&str>) -> String {
    let invited_by = invited_by.map(|by| format!(", invited by {by}")).unwrap_or_default();
    let (id, nick, identity) = (member.id, &member.nick, member.identity.hash());
    reply(format!("#{id} {nick} ({role}){invited_by}. Identity {identity}, address {}.", member.address))
}

/// One setting in full, and what it takes.
pub(super) fn setting(setting: &Setting) -> String {
    let takes = format!(". It takes {}.", setting.key().shape());
    let line = setting_line(setting, REPLY_BYTES_MAX - takes.len());
    reply(line + &takes)
}

/// A page of settings, from the one with this place on, as many as fit, and how to see the next.
pub(super) fn settings(settings: &Settings, from: usize) -> String {
    const MORE_BYTES_MAX: usize = ". More: /set 99".len();
    let mut page = String::new();
    for (place, key) in Key::ALL.iter().enumerate().skip(from) {
        let gap = if page.is_empty() { "" } else { ", " };
        let entry = gap.to_owned() + &setting_line(&settings.setting(*key), SETTING_BYTES_MAX);
        if page.len() + entry.len() + MORE_BYTES_MAX > REPLY_BYTES_MAX {
            page.push_str(&format!(". More: /set {place}"));
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

pub(super) fn kicked(nick: &str) -> String {
    reply(format!("{nick} is out and may join again."))
}

pub(super) fn banned(nick: &str, identity: IdentityHash, lasts: Option<Duration>) -> String {
    reply(format!("{} is banned{}.", nick_or_hash(nick, identity), for_span(lasts)))
}

pub(super) fn unbanned(nick: &str, identity: IdentityHash) -> String {
    reply(format!("{} may join again.", nick_or_hash(nick, identity)))
}

pub(super) fn role_given(nick: &str, role: &str) -> String {
    reply(format!("{nick} is {role} now."))
}

/// What a member may do now, or how to see it where it would be too long.
pub(super) fn may_now(nick: &str, permissions: Permissions) -> String {
    reply(format!("{nick} may: {}.", permission_names(permissions)))
}

pub(super) fn role_defined(name: &str, permissions: Permissions) -> String {
    reply(format!("Role {name} may: {}.", permission_names(permissions)))
}

pub(super) fn role_deleted(name: &str, fallback: &str) -> String {
    reply(format!("There is no role {name} any more; who had it is {fallback}."))
}

fn permission_names(permissions: Permissions) -> String {
    if permissions.is_empty() {
        return "nothing but read".to_owned();
    }
    permissions.iter().map(Permission::name).collect::<Vec<_>>().join(", ")
}

pub(super) fn held(number: PendingId) -> String {
    reply(format!("Your message waits as #{number} until somebody lets it through."))
}

/// What those who may decide are told of a message that waits.
pub(super) fn held_notice(number: PendingId, nick: &str, text: &str, why: HeldBecause) -> String {
    const END: &str = ". /ok or /no with its number";
    let mut line = format!("#{number} waits ({}). {nick}: ", why_name(why));
    let room = REPLY_BYTES_MAX.saturating_sub(line.len() + END.len() + "…".len());
    let shown = cut(text, room);
    line.push_str(shown);
    line.push_str(if shown.len() < text.len() { "…" } else { "" });
    line.push_str(END);
    reply(line)
}

pub(super) fn approved(number: PendingId) -> String {
    reply(format!("#{number} is let through."))
}

pub(super) fn rejected(number: PendingId) -> String {
    reply(format!("#{number} is refused."))
}

pub(super) fn join_waits(number: PendingId) -> String {
    reply(format!("Somebody has to let you in. Your request is #{number}; you will be told."))
}

pub(super) fn join_requested(number: PendingId, nick: &str, identity: IdentityHash) -> String {
    let digits = identity.to_string();
    reply(format!(
        "#{number}: {nick} ({}) wants to come in. /ok {number} or /no {number} REASON",
        cut(&digits, 8)
    ))
}

pub(super) fn you_may_not_join(name: &str, reason: &str) -> String {
    reply(format!("You were not let into {}.{}", cut(name, NAME_BYTES_MAX), because(reason)))
}

pub(super) fn you_were_rejected(number: PendingId, reason: &str) -> String {
    reply(format!("#{number}, which you sent, was refused.{}", because(reason)))
}

/// What waits from a number on, as much as fits, and how to see the rest.
pub(super) fn held_list(state: &State, from: PendingId) -> String {
    const MORE_BYTES_MAX: usize = ". More: /held 4294967295".len();
    /// Bytes of a text that are shown.
    const TEXT_BYTES_MAX: usize = 60;
    if state.pending.is_empty() {
        return reply("Nothing waits.".to_owned());
    }
    let mut page = format!("{} wait: ", state.pending.len());
    let mut is_first = true;
    for (number, pending) in state.pending.iter_after(PendingId(from.0.saturating_sub(1))) {
        let gap = if is_first { "" } else { "; " };
        let what = match &pending.what {
            Waiting::Join { nick, .. } => format!("{nick} wants to come in"),
            Waiting::Post { author, post, why } => {
                let nick = state.roster.by_id(*author).map_or("?", |member| &member.nick);
                format!("({}) {nick}: {}", why_name(*why), cut(&post.text, TEXT_BYTES_MAX))
            }
        };
        let entry = format!("{gap}#{number} {what}");
        if page.len() + entry.len() + MORE_BYTES_MAX > REPLY_BYTES_MAX && !is_first {
            page.push_str(&format!(". More: /held {number}"));
            return reply(page);
        }
        page.push_str(&entry);
        is_first = false;
    }
    reply(page)
}

fn why_name(why: HeldBecause) -> &'static str {
    match why {
        HeldBecause::Newcomer => "newcomer",
        HeldBecause::Word => "word",
        HeldBecause::Pattern => "pattern",
        HeldBecause::Link => "link",
    }
}

pub(super) fn reported() -> String {
    reply("The staff is told.".to_owned())
}

/// What the staff is told of a report.
pub(super) fn report_notice(reporter: &str, post: Option<Seq>, member: &str, reason: &str) -> String {
    match post {
        Some(seq) => reply(format!("{reporter} reports message {seq} of {member}.{}", because(reason))),
        None => reply(format!("{reporter} reports {member}.{}", because(reason))),
    }
}

pub(super) fn cleaned_up(deleted: u32) -> String {
    reply(format!("{deleted} messages deleted."))
}

pub(super) fn you_were_kicked(name: &str, reason: &str) -> String {
    reply(format!(
        "You were removed from {}.{} /join to come back.",
        cut(name, NAME_BYTES_MAX),
        because(reason)
    ))
}

pub(super) fn you_were_banned(name: &str, lasts: Option<Duration>, reason: &str) -> String {
    let (name, lasts) = (cut(name, NAME_BYTES_MAX), for_span(lasts));
    reply(format!("You were banned from {name}{lasts}.{}", because(reason)))
}

pub(super) fn muted(nick: &str, lasts: Option<Duration>) -> String {
    reply(format!("{nick} is muted{}.", for_span(lasts)))
}

pub(super) fn unmuted(nick: &str, identity: IdentityHash) -> String {
    reply(format!("{} may speak again.", nick_or_hash(nick, identity)))
}

pub(super) fn you_were_muted(name: &str, lasts: Option<Duration>, reason: &str) -> String {
    let (name, lasts) = (cut(name, NAME_BYTES_MAX), for_span(lasts));
    reply(format!("You were muted in {name}{lasts}: you read, and cannot post.{}", because(reason)))
}

pub(super) fn you_may_speak(name: &str) -> String {
    reply(format!("You may post in {} again.", cut(name, NAME_BYTES_MAX)))
}

fn for_span(lasts: Option<Duration>) -> String {
    lasts.map_or_else(String::new, |lasts| format!(" for {}", span::name(lasts)))
}

/// The one line that a stranger gets. `name` is absent where strangers do not learn it.
pub(super) fn stranger(name: Option<&str>) -> String {
    let name = name.map_or("This", |name| cut(name, NAME_BYTES_MAX));
    reply(format!(
        "{name} is a group chat, and you are not in it, so nobody saw your message. Send /join or /join YourName to \
         come in. Members see your name and your address."
    ))
}

/// What somebody is told whose message came without the stamp that the group asks for.
pub fn unstamped(cost: u8, kept: bool) -> String {
    let became = if kept {
        "Your message waits, and so do further ones: they are posted when one of yours comes with a stamp."
    } else {
        "Your message was not taken."
    };
    reply(format!(
        "This group asks for proof of work with each message, a stamp of cost {cost}. {became} Clients make stamps by \
         themselves once they have heard this group announce it: wait for that, then send again."
    ))
}

/// What the author is told of a post that came by a propagation node, since that way has no proof.
pub fn receipt(seq: Seq) -> String {
    reply(format!("Your message came by a propagation node and is posted (#{seq})."))
}

pub(super) fn node(node: Option<DestinationHash>) -> String {
    reply(match node {
        Some(node) => format!("What does not reach you directly goes to {node} first."),
        None => "You have no propagation node of your own here any more.".to_owned(),
    })
}

pub(super) fn help(permissions: Permissions) -> String {
    let mut help = String::from(
        "What you write goes to all. /members, /nick NAME, /leave, /new, /search, /me, /reply WHO TEXT, /react 👍, /edit, /delete",
    );
    if permissions.contains(Permission::Kick) {
        help.push_str(", /kick WHO REASON");
    }
    if permissions.contains(Permission::Ban) {
        help.push_str(", /ban WHO REASON, /unban WHO");
    }
    help.push_str(". WHO is a nick, a number as in /members, or 4 digits of an address.");
    reply(help)
}

pub(super) fn unknown_command() -> String {
    reply("There is no such command, and nobody else saw it. /help lists them.".to_owned())
}

pub(super) fn usage(usage: &str) -> String {
    reply(format!("It goes like this: {usage}"))
}

/// A page of members, `12 members: 1 Bob (owner), 2 Ann`, as many as fit, and how to see the next.
pub(super) fn members<'a>(total: usize, members: impl Iterator<Item = &'a Member>, roles: &Roles) -> String {
    const MORE_BYTES_MAX: usize = ". More: /members 4294967295".len();
    let mut page = format!("{total} members: ");
    let mut is_first = true;
    for member in members {
        let role = if member.role == Role::Member {
            String::new()
        } else {
            format!(" ({})", roles.name(member.role))
        };
        let gap = if is_first { "" } else { ", " };
        let entry = format!("{gap}{} {}{role}", member.id, member.nick);
        if page.len() + entry.len() + MORE_BYTES_MAX > REPLY_BYTES_MAX {
            page.push_str(&format!(". More: /members {}", member.id));
            return page;
        }
        page.push_str(&entry);
        is_first = false;
    }
    page
}

/// Messages with their numbers and ages, the newest of them that fit, in the order in which they were said. `found` has
/// the newest first; `older` is the command that goes on before the first one.
pub(super) fn listed(now: UnixTime, found: &[Listed], older: Option<&str>) -> String {
    const LINE_BYTES_MAX: usize = 90;
    const MORE_BYTES_MAX: usize = "\nMore: /new 18446744073709551615".len();
    let mut lines: Vec<String> = Vec::new();
    let mut left = REPLY_BYTES_MAX - MORE_BYTES_MAX;
    for one in found {
        let words = one.post.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let post = Post { text: words, kind: one.post.kind, ..Post::default() };
        let said = post_line(one.nick.as_deref(), &post);
        let line = format!("#{} {} {said}", one.seq, age(now.since(one.time)));
        let line =
            if line.len() > LINE_BYTES_MAX { cut(&line, LINE_BYTES_MAX).to_owned() + "…" } else { line };
        let Some(rest) = left.checked_sub(line.len() + 1) else { break };
        left = rest;
        lines.push(line);
    }
    let more = match (older, lines.len() < found.len(), found.get(lines.len().saturating_sub(1))) {
        (Some(command), true, Some(first)) => format!("\nMore: {command} {}", first.seq),
        _ => String::new(),
    };
    if lines.is_empty() {
        return "Nothing found.".to_owned();
    }
    lines.reverse();
    lines.join("\n") + &more
}

fn age(age: Duration) -> String {
    match age.as_secs() {
        s if s < 60 => "now".to_owned(),
        s if s < 3_600 => format!("{}m", s / 60),
        s if s < 86_400 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// One line about a refusal, at most [`REPLY_BYTES_MAX`] bytes.
pub fn refusal(refusal: &Refusal) -> String {
    reply(match refusal {
        Refusal::NotIdentified => "This needs to know who you are: identify first.".to_owned(),
        Refusal::NotMember => "You are not a member. /join to come in.".to_owned(),
        Refusal::Banned { reason } => format!("You are banned.{}", because(reason)),
        Refusal::NoPermission => "You may not do that.".to_owned(),
        Refusal::NotFound => "Nothing found by that name or number.".to_owned(),
        Refusal::Already => "It is so already.".to_owned(),
        Refusal::TooLong { max } => format!("Too long: at most {max} characters. It was not posted."),
        Refusal::Empty => "There is no text in it.".to_owned(),
        Refusal::RateLimited { retry_after_s } => {
            format!("Too often: nothing came of this one. Try again in {retry_after_s} s.")
        }
        Refusal::NickTaken => "Somebody else has that name.".to_owned(),
        Refusal::NameTaken => "Another group here has that name.".to_owned(),
        Refusal::Full { max } => format!("Full: there is room for {max}."),
        Refusal::Waiting { number } => format!("Your request waits already, as #{number}. You will be told."),
        Refusal::Closed => "This group takes nobody in.".to_owned(),
        Refusal::NotInvited => {
            "One comes in here by invitation only: /join CODE if you have a code.".to_owned()
        }
        Refusal::CodeExpired => "That code has expired. Ask for a new one.".to_owned(),
        Refusal::CodeUsedUp => "That code has let in as many as it could. Ask for a new one.".to_owned(),
        Refusal::WorkNeeded { bits } => format!(
            "Joining costs work: send /join with a stamp of {bits} bits. Clients that support stamps make one by \
             themselves once they have heard this group's announce."
        ),
        Refusal::StampStale => "That stamp is for another day. Make one for today.".to_owned(),
        Refusal::StampWeak { needed, found } => {
            format!("That stamp is worth {found} bits, or is for something else. {needed} are needed.")
        }
        Refusal::NameNeeded => "Say what to call you: /join YourName".to_owned(),
        Refusal::BadValue { key } => format!("{} takes {}.", key.name(), key.shape()),
        Refusal::NotInThisKind => "That cannot be done in this kind of group.".to_owned(),
        Refusal::BadCode => "Wrong code, or it was used already.".to_owned(),
        Refusal::Muted { reason, retry_after_s } => {
            let lasts = retry_after_s.map(|s| Duration::from_secs(s.into()));
            format!("You are muted{}: it was not posted.{}", for_span(lasts), because(reason))
        }
        Refusal::ReadOnly => "Only the staff posts at present. It was not posted.".to_owned(),
        Refusal::MustWait => {
            "With this text it would have to wait for approval: post it as a new message.".to_owned()
        }
        Refusal::LastOwner => {
            "You are the only owner. Name another first: /role WHO owner. Then it works.".to_owned()
        }
        Refusal::BadReaction => "That is no reaction that can be shown here.".to_owned(),
        Refusal::Ambiguous { choices } => {
            let choices = choices.iter().map(|(id, nick)| format!("#{id} {nick}"));
            format!("Who? Say the number: {}", choices.collect::<Vec<_>>().join(", "))
        }
    })
}

pub(super) fn nick_or_hash(nick: &str, identity: IdentityHash) -> String {
    if nick.is_empty() { identity.to_string() } else { nick.to_owned() }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" Reason: {reason}.") }
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
mod tests {
    use super::*;

    #[test]
    fn every_reply_fits_one_packet_whatever_the_names_are() {
        let name = "🌊".repeat(64);
        let nick = "🌊".repeat(24);
        let reason = "🌊".repeat(120);
        let identity = IdentityHash::new([0xff; 16]);
        let choices = vec![(super::super::MemberId(u32::MAX), nick.clone()); 4];
        let replies = [
            welcome(&Settings { name: name.clone(), ..Settings::default() }, &nick, usize::MAX),
            claimed(&name),
            left(&name),
            renamed(&nick),
            kicked(&nick),
            banned(&nick, identity, None),
            unbanned("", identity),
            you_were_kicked(&name, &reason),
            you_were_banned(&name, Some(Duration::from_secs(7_200)), &reason),
            stranger(Some(&name)),
            help(Role::Owner.permissions()),
            refusal(&Refusal::Banned { reason }),
            refusal(&Refusal::Ambiguous { choices }),
        ];
        for reply in replies {
            assert!(reply.len() <= REPLY_BYTES_MAX, "{} bytes: {reply}", reply.len());
            assert!(reply.is_char_boundary(reply.len()));
        }
    }

    #[test]
    fn plain_replies_are_not_cut() {
        for reply in [
            welcome(&Settings::default(), "Somebody Quite Longish", 10_000),
            stranger(Some("Harbour chat (group)")),
            stranger(None),
            help(Role::Owner.permissions()),
        ] {
            assert!(!reply.ends_with('…'), "{reply}");
        }
    }
}
