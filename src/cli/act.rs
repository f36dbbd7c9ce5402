//! `meshgroup member|message|role|ban|audit`: what the operator does in a group. It decides nothing: each command is one
//! call, and prints what came of it, as a line or with `--json` as the value that `docs/api.md` lists.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use reticulum::hash::IdentityHash;
use serde::Serialize;

use super::Output;
use super::list::{self, JsonList, printable};
use super::mail;
use crate::api::client::{Client, Done, ToMember};
use crate::group::{Permission, parse_span};

/// What can be done with members.
#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// List members in the order in which they joined
    List(Output),
    /// Show one member and what they may do
    Show {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        output: Output,
    },
    /// Put a member out, who may join again
    Kick(Restrict),
    /// Bar somebody, and put them out
    Ban(Restrict),
    /// Lift a ban
    Unban(OfWho),
    /// Silence a member
    Mute(Restrict),
    /// Let a member speak again
    Unmute(OfWho),
    /// Show by which way the node reaches a member, and ask the network for one if there is none
    Path(OfWho),
    /// Give a member another nick
    Rename {
        #[command(flatten)]
        who: Who,
        /// The new nick
        nick: String,
        #[command(flatten)]
        output: Output,
    },
    /// Give a member another role
    Role {
        #[command(flatten)]
        who: Who,
        /// Name of the role
        role: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let a member do something beside what their role may
    Grant(Permit),
    /// Take something from a member although their role may
    Revoke(Permit),
    /// Let a member do again what their role may, no more and no less of it
    Reset(Permit),
    /// Invite somebody, or make an invite code
    Invite {
        /// Identity hash of who is invited [default: a code is made]
        identity: Option<String>,
        /// For how many people the code is
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// For how long the code is, such as 7d
        #[arg(long = "for", value_name = "TIME", value_parser = span, default_value = "7d")]
        lasts: Duration,
        #[command(flatten)]
        output: Output,
    },
    /// List those who asked to come in
    Requests(Output),
    /// Let somebody in who asked
    Approve(Number),
    /// Refuse somebody who asked
    Reject(Refuse),
}

/// What can be done with messages.
#[derive(Debug, Subcommand)]
pub(super) enum MessageCommand {
    /// List messages, oldest first
    List {
        #[command(flatten)]
        output: Output,
        /// Only messages with a sequence number above N
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
        /// At most N messages [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Post a notice as the operator, who is no member and has no nick; to write under a name, join with a client
    Send {
        /// What it says
        text: String,
        /// To the staff only
        #[arg(long)]
        staff: bool,
        /// Attach this file; may be given several times
        #[arg(long, value_name = "FILE")]
        attach: Vec<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Save something that is attached to a message
    Attachment {
        /// Sequence number of the message
        seq: u64,
        /// Which attachment, counted from 1
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        index: u32,
        /// The message waits for approval, and SEQ is the number under which it does
        #[arg(long)]
        held: bool,
        /// Where to; "-" is the standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Withdraw a message
    Delete(OfMessage),
    /// Change what a message says
    Edit {
        /// Its sequence number
        seq: u64,
        /// What it says from now on
        text: String,
        #[command(flatten)]
        output: Output,
    },
    /// Tell what became of the copies of a message, member by member
    Delivery(OfMessage),
    /// Keep a message in view
    Pin(OfMessage),
    /// No longer keep a message in view
    Unpin(OfMessage),
    /// List messages with some words, oldest first
    Search {
        /// The words; the last may be the beginning of one
        words: String,
        /// The newest N of them
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// List messages that wait for approval
    Held(Output),
    /// Let a message through that waits
    Approve(Number),
    /// Refuse a message that waits
    Reject(Refuse),
    /// Print a message as a member would get it, as lxm://... and as a QR code
    Paper(mail::Paper),
    /// Hand in a message to a group that came on paper
    Import(mail::Import),
    /// Delete many messages: those that fit everything that is said here
    #[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
    Cleanup {
        /// Only those of this member
        #[arg(long, value_name = "WHO", group = "which")]
        by: Option<String>,
        /// Only those older than this, such as 30d
        #[arg(long, value_name = "TIME", value_parser = span, group = "which")]
        older: Option<Duration>,
        /// Only those of the last such time
        #[arg(long, value_name = "TIME", value_parser = span, group = "which")]
        newer: Option<Duration>,
        /// Only those with at least so many bytes of text
        #[arg(long, value_name = "BYTES", group = "which")]
        larger: Option<u32>,
        /// Why; it stands in the audit log
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        output: Output,
    },
}

/// What can be done with roles.
#[derive(Debug, Subcommand)]
pub(super) enum RoleCommand {
    /// List the roles and what they may do
    List(Output),
    /// Make a role
    Create(RoleTerms),
    /// Change a role that the group made
    Change(RoleTerms),
    /// Give up a role that the group made
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        output: Output,
    },
}

/// What can be done with bans.
#[derive(Debug, Subcommand)]
pub(super) enum BanCommand {
    /// List who is barred
    List(Output),
}

/// What is asked of the audit log.
#[derive(Debug, Args)]
pub(super) struct AuditPage {
    /// Only acts before this sequence number
    #[arg(long, value_name = "N", default_value_t = 0)]
    before: u64,
    /// The newest N of them
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Who {
    /// Nick, #number, or at least four digits of a hash
    who: String,
}

#[derive(Debug, Args)]
pub(super) struct OfWho {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Restrict {
    #[command(flatten)]
    who: Who,
    /// Why; they are told
    #[arg(default_value = "")]
    reason: String,
    /// For how long, such as 2h; not for a kick [default: until it is lifted]
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    lasts: Option<Duration>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Permit {
    #[command(flatten)]
    who: Who,
    /// Permissions, by the names that `role list` shows
    #[arg(required = true, value_parser = permission)]
    permissions: Vec<Permission>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Number {
    /// The number under which it waits
    number: u32,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Refuse {
    /// The number under which it waits
    number: u32,
    /// Why; they are told
    #[arg(default_value = "")]
    reason: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct OfMessage {
    /// Its sequence number
    seq: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct RoleTerms {
    /// Its name
    name: String,
    /// How high it stands: a member 30, an owner 100
    #[arg(long, value_name = "1..99")]
    rank: u32,
    /// What it may do
    #[arg(value_parser = permission)]
    permissions: Vec<Permission>,
    /// Push nothing to those who have it
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    output: Output,
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "a number and s, m, h, d or w are expected, such as 2h".to_owned())
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::from_name(text).ok_or_else(|| "there is no such permission".to_owned())
}

/// Carries out a command about members.
pub(super) fn member(
    client: &mut Client,
    command: MemberCommand,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut restrict = |what, Restrict { who, reason, lasts, output }: Restrict, out: &mut _| {
        done(client.to_member(what, &who.who, lasts, &reason)?, output, out)
    };
    match command {
        MemberCommand::Kick(of) => restrict(ToMember::Kick, of, out),
        MemberCommand::Ban(of) => restrict(ToMember::Ban, of, out),
        MemberCommand::Mute(of) => restrict(ToMember::Mute, of, out),
        MemberCommand::Unban(OfWho { who, output }) => {
            done(client.to_member(ToMember::Unban, &who.who, None, "")?, output, out)
        }
        MemberCommand::Unmute(OfWho { who, output }) => {
            done(client.to_member(ToMember::Unmute, &who.who, None, "")?, output, out)
        }
        MemberCommand::List(output) => list::members(client, output.json, out),
        MemberCommand::Show { who, output } => show(client, &who.who, output, out),
        MemberCommand::Path(OfWho { who, output }) => {
            let found = client.path(&who.who)?;
            let text = match &found {
                Some((hops, interface)) => format!("{hops} hops by {}", printable(interface)),
                None => "no path yet; the network is asked for one".to_owned(),
            };
            let (hops, interface) = found.unzip();
            one(&serde_json::json!({ "hops": hops, "interface": interface }), &text, output, out)
        }
        MemberCommand::Rename { who, nick, output } => {
            done(client.rename_member(&who.who, &nick)?, output, out)
        }
        MemberCommand::Role { who, role, output } => done(client.assign_role(&who.who, &role)?, output, out),
        MemberCommand::Grant(Permit { who, permissions, output }) => {
            done(client.change_permissions(&who.who, &permissions, &[], &[])?, output, out)
        }
        MemberCommand::Revoke(Permit { who, permissions, output }) => {
            done(client.change_permissions(&who.who, &[], &permissions, &[])?, output, out)
        }
        MemberCommand::Reset(Permit { who, permissions, output }) => {
            done(client.change_permissions(&who.who, &[], &[], &permissions)?, output, out)
        }
        MemberCommand::Invite { identity: Some(identity), output, .. } => {
            let identity = IdentityHash::from_hex(&identity);
            let identity = identity.ok_or_else(|| anyhow::anyhow!("an identity hash has 32 digits"))?;
            done(client.invite(identity)?, output, out)
        }
        MemberCommand::Invite { identity: None, uses, lasts, output } => {
            let code = client.invite_code(uses, lasts)?;
            one(&serde_json::json!({ "code": code }), &code, output, out)
        }
        MemberCommand::Requests(output) => rows(&client.join_requests()?, output, out, |one| {
            format!("{:>6}  {}  {}", one.number, one.identity_hash, printable(&one.nick))
        }),
        MemberCommand::Approve(of) => done(client.approve_member(of.number)?, of.output, out),
        MemberCommand::Reject(of) => done(client.reject_member(of.number, &of.reason)?, of.output, out),
    }
}

fn show(client: &mut Client, who: &str, output: Output, out: &mut impl Write) -> anyhow::Result<()> {
    let member = client.member(who)?;
    let text = format!(
        "#{} {} ({})\n  identity  {}\n  may       {}\n  granted   {}\n  revoked   {}",
        member.member,
        printable(&member.nick),
        printable(&member.role),
        member.identity_hash,
        member.permissions.join(", "),
        member.granted.join(", "),
        member.revoked.join(", "),
    );
    one(&member, &text, output, out)
}

/// Carries out a command about messages.
pub(super) fn message(
    client: &mut Client,
    command: MessageCommand,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        MessageCommand::List { output, after, limit } => {
            list::messages(client, output.json, after, limit, out)
        }
        MessageCommand::Send { text, staff, attach, output } => {
            let posted = client.send(&text, staff, &attach)?;
            let to = if staff { "the staff" } else { "all members" };
            let text = format!("posted as a notice of the operator to {to}; event {}", posted.seq);
            one(&posted, &text, output, out)
        }
        MessageCommand::Attachment { seq, index, held, output, .. } if output.as_os_str() == "-" => {
            client.attachment(seq, held, index, || Ok(out))?;
            Ok(())
        }
        MessageCommand::Attachment { seq, index, held, output, json } => {
            let bytes = client.attachment(seq, held, index, || File::create(&output))?;
            let text = format!("{bytes} bytes saved");
            one(&serde_json::json!({ "bytes": bytes }), &text, Output { json }, out)
        }
        MessageCommand::Delete(of) => done(client.delete_message(of.seq)?, of.output, out),
        MessageCommand::Edit { seq, text, output } => done(client.edit_message(seq, &text)?, output, out),
        MessageCommand::Pin(of) => done(client.pin_message(of.seq, false)?, of.output, out),
        MessageCommand::Unpin(of) => done(client.pin_message(of.seq, true)?, of.output, out),
        MessageCommand::Delivery(of) => {
            let delivered = client.delivery(of.seq)?;
            if of.output.json { list::object(&delivered, out) } else { list::delivered(&delivered, out) }
        }
        MessageCommand::Search { words, limit, output } => {
            rows(&client.search(&words, limit)?, output, out, list::message_line)
        }
        MessageCommand::Held(output) => rows(&client.held()?, output, out, |one| {
            format!("{:>6}  {:<9} #{}: {}", one.number, one.why, one.author, printable(&one.text))
        }),
        MessageCommand::Approve(of) => done(client.approve(of.number)?, of.output, out),
        MessageCommand::Reject(of) => done(client.reject(of.number, &of.reason)?, of.output, out),
        MessageCommand::Paper(of) => mail::paper(client, &of, out),
        MessageCommand::Import(of) => mail::import(client, &of, out),
        MessageCommand::Cleanup { by, older, newer, larger, reason, output } => {
            let (before, since) = (older.map(ago_s), newer.map(ago_s));
            let deleted = client.clean_up(by.as_deref(), before, since, larger, &reason)?;
            let json = serde_json::json!({ "deleted": deleted });
            one(&json, &format!("{deleted} messages deleted"), output, out)
        }
    }
}

/// Carries out a command about roles.
pub(super) fn role(client: &mut Client, command: RoleCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let mut define = |existing, of: RoleTerms, out: &mut _| {
        let done_as = client.define_role(existing, &of.name, of.rank, &of.permissions, of.quiet)?;
        done(done_as, of.output, out)
    };
    match command {
        RoleCommand::Create(of) => define(false, of, out),
        RoleCommand::Change(of) => define(true, of, out),
        RoleCommand::Delete { name, output } => done(client.delete_role(&name)?, output, out),
        RoleCommand::List(output) => rows(&client.roles()?, output, out, |one| {
            let quiet = if one.quiet { " (quiet)" } else { "" };
            let permissions = one.permissions.join(", ");
            format!(
                "{:<16}{:>4} {:>6} members  {permissions}{quiet}",
                printable(&one.name),
                one.rank,
                one.members
            )
        }),
    }
}

/// Carries out a command about bans.
pub(super) fn ban(client: &mut Client, command: BanCommand, out: &mut impl Write) -> anyhow::Result<()> {
    let BanCommand::List(output) = command;
    rows(&client.bans()?, output, out, |one| {
        let until = one.until.map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
        format!("{}  {until}  {}", one.identity_hash, printable(&one.reason))
    })
}

/// Prints the audit log.
pub(super) fn audit(client: &mut Client, of: &AuditPage, out: &mut impl Write) -> anyhow::Result<()> {
    rows(&client.audit(of.before, of.limit)?, of.output, out, |one| {
        let by = one.by.map_or_else(|| "operator".to_owned(), |by| format!("#{by}"));
        let member = one.member.map(|member| format!(" #{member}")).unwrap_or_default();
        let number = one.number.map(|number| format!(" {number}")).unwrap_or_default();
        let (text, reason) = (printable(&one.text), printable(&one.reason));
        format!("{:>6}  {by} {}{member}{number} {text} {reason}", one.seq, one.kind).trim_end().to_owned()
    })
}

/// Prints a list, one item a line.
pub(super) fn rows<T: Serialize>(
    items: &[T],
    output: Output,
    out: &mut impl Write,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    if output.json {
        let mut list = JsonList::default();
        items.iter().try_for_each(|item| list.item(item, out))?;
        return list.end(out);
    }
    for item in items {
        writeln!(out, "{}", line(item))?;
    }
    Ok(())
}

pub(super) fn done(done: Done, output: Output, out: &mut impl Write) -> anyhow::Result<()> {
    one(&done, &format!("done; event {}", done.seq), output, out)
}

pub(super) fn one(
    value: &impl Serialize,
    text: &str,
    output: Output,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if output.json {
        serde_json::to_writer(&mut *out, value)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{text}")?;
    }
    Ok(())
}

/// The time that was so long ago, in seconds since 1970 UTC.
fn ago_s(age: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(age).as_secs()
}
