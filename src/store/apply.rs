//! Writes as SQL: the log grows by an event, and the tables that are made of it follow.

use std::collections::BTreeMap;

use lxmf::propagation::node::Totals;
use lxmf::router::Terms;
use reticulum::crypto::{PublicIdentity, RatchetSecret};
use reticulum::hash::{DestinationHash, IdentityHash};
use reticulum::node::PeerRecord;
use rusqlite::{Connection, Error, params};

use super::entry;
use super::erase::Erasing;
use super::mail::Mail;
use super::row::{self, signed};
use super::rules;
use super::write::{HeldMessage, OutboxRow, Seen, Write};
use super::{attachments, copies, gaps, message_row, outbox, reading};
use super::{network_row, path_row};
use crate::group::{
    Audited, DEDUP_WINDOW, Event, EventKind, GroupId, MemberId, POSTS_COUNTED_MAX, PendingId, Role, Seq,
    Setting,
};

/// Peers that are remembered. At the bound those heard least recently are forgotten.
pub const PEERS_MAX: u32 = 16_384;
/// Peers that are forgotten at a time, so that finding them costs little on average.
const PEERS_FORGOTTEN: u32 = PEERS_MAX / 8;

/// How a restriction is written into its table.
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT OR REPLACE INTO ",
            $table,
            " (group_id, identity, member, nick, reason, by, since, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        )
    };
}

/// What the writer knows besides the tables.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The number of the next message id in the ring.
    next_seen: u64,
    /// Rows in `peer`, or more.
    peers: u32,
    /// Messages more (or fewer) than the `group` rows say; written once a transaction.
    messages: BTreeMap<GroupId, i64>,
    /// Deleted groups of which something is left.
    erasing: Erasing,
    /// What is kept for others.
    mail: Mail,
}

impl Ledger {
    pub(super) fn read(db: &Connection) -> Result<Self, Error> {
        let newest: Option<i64> = db.query_row("SELECT max(number) FROM seen", [], |row| row.get(0))?;
        let next_seen = newest.map_or(0, |number| row::unsigned(number) + 1);
        let peers = db.query_row("SELECT count(*) FROM peer", [], |row| row.get(0))?;
        Ok(Self {
            next_seen,
            peers,
            messages: BTreeMap::new(),
            erasing: Erasing::read(db)?,
            mail: Mail::default(),
        })
    }

    /// Keeps messages for others from now on, too.
    pub(super) fn with_mail(self, mail: Mail) -> Self {
        Self { mail, ..self }
    }

    /// Carries out one write within the open transaction.
    pub(super) fn apply(&mut self, db: &Connection, write: &Write) -> Result<(), Error> {
        match write {
            Write::Decision { group, events, seen } => {
                for event in events {
                    self.append(db, *group, event)?;
                }
                seen.as_ref().map_or(Ok(()), |seen| self.remember(db, seen))
            }
            Write::Delivered { group, cursor, copy, row } => {
                let sql =
                    "UPDATE delivery SET through = ?3 WHERE group_id = ?1 AND member = ?2 AND through < ?3";
                execute(db, sql, params![group.0, cursor.member.0, signed(cursor.through.0)])?;
                let (member, last) = (cursor.member, cursor.through);
                copy.as_ref().map_or(Ok(()), |id| copies::insert(db, *group, member, last, id))?;
                match row {
                    OutboxRow::None => Ok(()),
                    row => outbox::settle(db, *group, member, last, copy.as_ref(), *row == OutboxRow::Keep),
                }
            }
            Write::Outbox { group, member, fixed, copy } => outbox::insert(db, *group, *member, *fixed, copy),
            Write::Tried { group, tried } => outbox::tried(db, *group, tried),
            Write::Confirmed { group, gap } => {
                gaps::remove_stored(db, *group, gap)?;
                outbox::forget(db, *group, gap.member, gap.last)
            }
            Write::Read { group, member, through } => reading::mark(db, *group, *member, *through),
            Write::Gap { group, gap } => gaps::insert(db, *group, gap),
            Write::Understands { group, member } => copies::insert_client(db, *group, *member),
            Write::Heard { group, member, at } => execute(
                db,
                "INSERT OR REPLACE INTO activity (group_id, member, heard) VALUES (?1, ?2, ?3)",
                params![group.0, member.0, signed(at.as_micros())],
            ),
            Write::Peer(peer) => self.upsert_peer(db, peer),
            Write::ForgetPeer(destination) => {
                execute(db, "DELETE FROM peer WHERE destination = ?1", [destination.as_bytes()])
            }
            Write::Hold(held) => hold(db, held),
            Write::DropHeld(message) => execute(db, "DELETE FROM held WHERE message_id = ?1", [message.0]),
            Write::Terms(terms) => replace_terms(db, terms),
            Write::ForgetTerms { local, remote } => execute(
                db,
                "DELETE FROM terms WHERE local = ?1 AND remote = ?2",
                [local.as_bytes(), remote.as_bytes()],
            ),
            Write::Paths { first, records } => path_row::save(db, *first, records),
            Write::Airtime(record) => network_row::save_airtime(db, record),
            Write::Blackholed(entry) => network_row::save_blackholed(db, entry),
            Write::Unblackholed(identity) => {
                execute(db, "DELETE FROM blackhole WHERE identity = ?1", [identity.as_bytes()])
            }
            Write::Ratchets { destination, secrets } => replace_ratchets(db, *destination, secrets),
            Write::DeleteGroup { group, delivery } => {
                self.messages.remove(group);
                self.erasing.delete(db, *group, *delivery)
            }
            Write::Mail(change) => self.mail.apply(db, change),
            Write::Setting { group, key, value } => execute(
                db,
                "INSERT OR REPLACE INTO setting (group_id, key, value) VALUES (?1, ?2, ?3)",
                params![group.map_or(0, |group| group.0), key, value],
            ),
        }
    }

    /// Whether there is something to do when there is nothing to write.
    pub(super) fn has_chores(&self) -> bool {
        !self.erasing.is_done() || self.mail.has_chores()
    }

    /// How much is kept for others.
    pub(super) fn mail_totals(&self) -> Totals {
        self.mail.totals()
    }

    /// Does a little of it within the open transaction.
    pub(super) fn do_chore(&mut self, db: &Connection) -> Result<(), Error> {
        if self.erasing.is_done() { self.mail.do_chore(db) } else { self.erasing.step(db) }
    }

    /// Writes down what was gathered over a transaction. To be called before its commit.
    pub(super) fn finish(&mut self, db: &Connection) -> Result<(), Error> {
        while let Some((group, more)) = self.messages.pop_first() {
            let sql = "UPDATE \"group\" SET messages = messages + ?2 WHERE group_id = ?1";
            execute(db, sql, params![group.0, more])?;
        }
        Ok(())
    }

    fn append(&mut self, db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
        let columns = row::columns(&event.kind);
        execute(
            db,
            "INSERT INTO event (group_id, seq, time, kind, actor, number, bytes, text, note) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                group.0,
                signed(event.seq.0),
                signed(event.time.as_micros()),
                columns.kind,
                event.actor.map(|actor| actor.0),
                columns.number,
                columns.bytes.as_ref().map(AsRef::as_ref),
                columns.text,
                columns.note.as_deref(),
            ],
        )?;
        audit(db, group, event)?;
        self.project(db, group, event)
    }

    /// Brings the tables that are made of the log up to date. Equals [`crate::group::State::apply`].
    fn project(&mut self, db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
        match &event.kind {
            EventKind::Created { name, visibility, claim } => {
                let sql = "INSERT INTO \"group\" (group_id, claim, messages) VALUES (?1, ?2, 0)";
                execute(db, sql, params![group.0, claim.map(|claim| claim.0)])?;
                set(db, group, &Setting::Name(name.clone()))?;
                set(db, group, &Setting::Visibility(*visibility))
            }
            EventKind::Invited { .. }
            | EventKind::InvitationTold { .. }
            | EventKind::Uninvited { .. }
            | EventKind::CodeIssued { .. }
            | EventKind::CodeRevoked { .. } => entry::project(db, group, event),
            EventKind::PreferenceChanged { member, preference } => execute(
                db,
                "INSERT OR REPLACE INTO preference (group_id, member, key, value) VALUES (?1, ?2, ?3, ?4)",
                params![group.0, member.0, preference.key(), preference.word()],
            ),
            EventKind::SettingChanged(setting) => set(db, group, setting),
            EventKind::ClaimIssued { claim } => set_claim(db, group, Some(claim.0)),
            EventKind::OwnerClaimed { member } => {
                set_claim(db, group, None)?;
                set_role(db, group, *member, Role::Owner)
            }
            EventKind::Joined { member, identity, .. } => insert_member(db, group, event, *member, identity),
            EventKind::Left { member } | EventKind::Kicked { member, .. } => {
                put_out(db, group, *member, event.seq)
            }
            EventKind::Posted(post) => {
                *self.messages.entry(group).or_default() += 1;
                count_post(db, group, event.actor)?;
                if let (Some(author), Some(id)) = (event.actor, &post.message_id) {
                    copies::insert(db, group, author, event.seq, id)?;
                }
                message_row::insert_post(db, group, event.seq, post)
            }
            EventKind::Deleted { target, .. } => {
                *self.messages.entry(group).or_default() -= 1;
                message_row::erase_post(db, group, *target)
            }
            EventKind::Edited { .. } => message_row::insert_edit(db, group, event),
            EventKind::Reacted { target, reaction } => {
                message_row::change_reaction(db, group, event.actor, *target, reaction, false)
            }
            EventKind::Unreacted { target, reaction } => {
                message_row::change_reaction(db, group, event.actor, *target, reaction, true)
            }
            EventKind::Pinned { target } => message_row::pin(db, group, *target),
            EventKind::Unpinned { target } => message_row::unpin(db, group, *target),
            EventKind::Banned { identity, member, .. } => {
                remove_request(db, group, *identity)?;
                if let Some(member) = member {
                    put_out(db, group, *member, event.seq)?;
                }
                insert_restriction(db, group, event)
            }
            EventKind::Muted { .. } => insert_restriction(db, group, event),
            EventKind::Unmuted { identity, .. } => {
                let sql = "DELETE FROM mute WHERE group_id = ?1 AND identity = ?2";
                execute(db, sql, params![group.0, identity.as_bytes()])
            }
            EventKind::Unbanned { identity, .. } => {
                let sql = "DELETE FROM ban WHERE group_id = ?1 AND identity = ?2";
                execute(db, sql, params![group.0, identity.as_bytes()])
            }
            EventKind::Renamed { member, nick } => {
                let sql = "UPDATE member SET nick = ?3 WHERE group_id = ?1 AND member = ?2";
                execute(db, sql, params![group.0, member.0, nick])
            }
            EventKind::RoleAssigned { member, role } => set_role(db, group, *member, *role),
            EventKind::PermissionsChanged { member, granted, revoked } => {
                let sql = "UPDATE member SET granted = ?3, revoked = ?4 WHERE group_id = ?1 AND member = ?2";
                execute(db, sql, params![group.0, member.0, granted.bits(), revoked.bits()])
            }
            EventKind::RoleDefined { number, role } => {
                let sql = "INSERT OR REPLACE INTO role (group_id, role, name, what) VALUES (?1, ?2, ?3, ?4)";
                execute(db, sql, params![group.0, number, role.name, rules::role_bytes(role)])
            }
            EventKind::Reported { .. } | EventKind::CleanedUp { .. } | EventKind::Dissolved => Ok(()),
            EventKind::Held { number, post, .. } => {
                message_row::insert_text(db, group, event.seq, post)?;
                insert_pending(db, group, event, *number)
            }
            EventKind::JoinRequested { number, .. } => insert_pending(db, group, event, *number),
            EventKind::Approved { number } => {
                // What was let through is posted by the next event.
                attachments::let_through(db, group, number.0, Seq(event.seq.0 + 1))?;
                remove_pending(db, group, "number", number.0)
            }
            EventKind::Rejected { number, .. } => remove_pending(db, group, "number", number.0),
            EventKind::RoleDeleted { number, fallback } => {
                let sql = "UPDATE member SET role = ?3 WHERE group_id = ?1 AND role = ?2";
                execute(db, sql, params![group.0, number, row::role_number(*fallback)])?;
                let sql = "DELETE FROM role WHERE group_id = ?1 AND role = ?2";
                execute(db, sql, params![group.0, number])
            }
        }
    }

    fn remember(&mut self, db: &Connection, seen: &Seen) -> Result<(), Error> {
        let (number, slot) = (self.next_seen, self.next_seen % DEDUP_WINDOW as u64);
        self.next_seen += 1;
        let (content, time) = seen.content.unzip();
        execute(
            db,
            "INSERT OR REPLACE INTO seen (slot, number, prefix, content, time) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                signed(slot),
                signed(number),
                signed(seen.message.prefix()),
                content.map(|content| signed(content.prefix)),
                time.map(|time| signed(time.as_micros())),
            ],
        )
    }

    fn upsert_peer(&mut self, db: &Connection, peer: &PeerRecord) -> Result<(), Error> {
        let (ratchet, ratchet_heard) = peer.ratchet.unzip();
        execute(
            db,
            "INSERT OR REPLACE INTO peer \
             (destination, identity, app_data, ratchet, ratchet_heard, heard, emitted_s) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                peer.destination.as_bytes(),
                peer.identity,
                peer.app_data,
                ratchet,
                ratchet_heard.map(|heard| signed(heard.as_micros())),
                signed(peer.heard.as_micros()),
                signed(peer.emitted_s),
            ],
        )?;
        // An update counts as one more, too; then counting anew settles it.
        self.peers += 1;
        if self.peers > PEERS_MAX {
            self.forget_peers(db)?;
        }
        Ok(())
    }

    fn forget_peers(&mut self, db: &Connection) -> Result<(), Error> {
        self.peers = db.query_row("SELECT count(*) FROM peer", [], |row| row.get(0))?;
        if self.peers > PEERS_MAX {
            let sql = "DELETE FROM peer WHERE destination IN (SELECT destination FROM peer ORDER BY heard LIMIT ?1)";
            db.execute(sql, [PEERS_FORGOTTEN])?;
            self.peers -= PEERS_FORGOTTEN;
        }
        Ok(())
    }
}

pub(super) fn execute(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), Error> {
    db.prepare_cached(sql)?.execute(values).map(|_| ())
}

fn set(db: &Connection, group: GroupId, setting: &Setting) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO group_setting (group_id, key, value) VALUES (?1, ?2, ?3)";
    execute(db, sql, params![group.0, setting.key().name(), setting.value().to_string()])
}

fn set_claim(db: &Connection, group: GroupId, claim: Option<[u8; 32]>) -> Result<(), Error> {
    execute(db, "UPDATE \"group\" SET claim = ?2 WHERE group_id = ?1", params![group.0, claim])
}

fn set_role(db: &Connection, group: GroupId, member: MemberId, role: Role) -> Result<(), Error> {
    let sql = "UPDATE member SET role = ?3 WHERE group_id = ?1 AND member = ?2";
    execute(db, sql, params![group.0, member.0, row::role_number(role)])
}

/// Whoever comes back takes the place of their former self.
fn insert_member(
    db: &Connection,
    group: GroupId,
    event: &Event,
    member: MemberId,
    identity: &PublicIdentity,
) -> Result<(), Error> {
    let EventKind::Joined { nick, entry, .. } = &event.kind else { return Ok(()) };
    let (seq, time) = (signed(event.seq.0), signed(event.time.as_micros()));
    remove_request(db, group, identity.hash())?;
    let invited_by = entry::take(db, group, identity.hash(), *entry)?;
    execute(
        db,
        "INSERT OR REPLACE INTO member (group_id, member, identity, nick, role, joined, joined_seq, invited_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            group.0,
            member.0,
            identity.to_bytes(),
            nick,
            row::role_number(Role::Member),
            time,
            seq,
            invited_by
        ],
    )?;
    let sql = "INSERT OR REPLACE INTO delivery (group_id, member, through) VALUES (?1, ?2, ?3)";
    execute(db, sql, params![group.0, member.0, seq])
}

fn put_out(db: &Connection, group: GroupId, member: MemberId, seq: Seq) -> Result<(), Error> {
    let sql = "UPDATE member SET left_seq = ?3 WHERE group_id = ?1 AND member = ?2 AND left_seq IS NULL";
    execute(db, sql, params![group.0, member.0, signed(seq.0)])?;
    remove_pending(db, group, "member", member.0)?;
    for table in ["preference", "activity"] {
        execute(
            db,
            &format!("DELETE FROM {table} WHERE group_id = ?1 AND member = ?2"),
            params![group.0, member.0],
        )?;
    }
    copies::forget_member(db, group, member)?;
    let sql = "DELETE FROM delivery WHERE group_id = ?1 AND member = ?2";
    execute(db, sql, params![group.0, member.0])
}

/// Notes what stands in the audit log.
fn audit(db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
    let seq = signed(event.seq.0);
    match event.kind.audited() {
        Audited::No => Ok(()),
        Audited::UnlessSelf(member) if event.actor == Some(member) => Ok(()),
        Audited::Yes | Audited::UnlessSelf(_) => {
            execute(db, "INSERT INTO audit (group_id, seq) VALUES (?1, ?2)", params![group.0, seq])
        }
        Audited::UnlessOwn(target) => {
            let sql = "INSERT INTO audit (group_id, seq) SELECT ?1, ?2 WHERE NOT EXISTS \
                       (SELECT 1 FROM event WHERE group_id = ?1 AND seq = ?3 AND actor IS ?4)";
            let actor = event.actor.map(|actor| actor.0);
            execute(db, sql, params![group.0, seq, signed(target.0), actor])
        }
    }
}

/// Counts as [`crate::group::Roster::count_post`] does.
fn count_post(db: &Connection, group: GroupId, author: Option<MemberId>) -> Result<(), Error> {
    let Some(author) = author else { return Ok(()) };
    let sql = "UPDATE member SET posts = posts + 1 \
               WHERE group_id = ?1 AND member = ?2 AND left_seq IS NULL AND posts < ?3";
    execute(db, sql, params![group.0, author.0, POSTS_COUNTED_MAX])
}

fn insert_pending(db: &Connection, group: GroupId, event: &Event, number: PendingId) -> Result<(), Error> {
    let person = match &event.kind {
        EventKind::JoinRequested { identity, .. } => Some(identity.hash()),
        _ => None,
    };
    execute(
        db,
        "INSERT INTO pending (group_id, number, seq, member, person) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            group.0,
            number.0,
            signed(event.seq.0),
            event.actor.map(|member| member.0),
            person.as_ref().map(IdentityHash::as_bytes)
        ],
    )?;
    let sql = "UPDATE \"group\" SET last_pending = ?2 WHERE group_id = ?1";
    execute(db, sql, params![group.0, number.0])
}

/// Removes the request of somebody who came in or was barred.
fn remove_request(db: &Connection, group: GroupId, person: IdentityHash) -> Result<(), Error> {
    execute(
        db,
        "DELETE FROM pending WHERE group_id = ?1 AND person = ?2",
        params![group.0, person.as_bytes()],
    )
}

/// Removes what waits, with the texts of messages, where `column` has a value.
fn remove_pending(db: &Connection, group: GroupId, column: &'static str, value: u32) -> Result<(), Error> {
    let which = format!("FROM pending WHERE group_id = ?1 AND {column} = ?2");
    let texts = format!("DELETE FROM message WHERE group_id = ?1 AND seq IN (SELECT seq {which})");
    execute(db, &texts, params![group.0, value])?;
    let bytes = format!("DELETE FROM attachment WHERE group_id = ?1 AND seq IN (SELECT seq {which})");
    execute(db, &bytes, params![group.0, value])?;
    execute(db, &format!("DELETE {which}"), params![group.0, value])
}

/// A ban or a mute.
fn insert_restriction(db: &Connection, group: GroupId, event: &Event) -> Result<(), Error> {
    let (sql, identity, member, nick, reason, until) = match &event.kind {
        EventKind::Banned { identity, member, nick, reason, until } => {
            (insert_into!("ban"), identity, member, nick, reason, until)
        }
        EventKind::Muted { identity, member, nick, reason, until } => {
            (insert_into!("mute"), identity, member, nick, reason, until)
        }
        _ => return Ok(()),
    };
    execute(
        db,
        sql,
        params![
            group.0,
            identity.as_bytes(),
            member.map(|member| member.0),
            nick,
            reason,
            event.actor.map(|actor| actor.0),
            signed(event.time.as_micros()),
            until.map(|until| signed(until.as_micros())),
        ],
    )
}

fn hold(db: &Connection, held: &HeldMessage) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO held (message_id, group_id, received, identity, packed) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let HeldMessage { message, group, received, identity, packed } = held;
    execute(db, sql, params![message.0, group.0, signed(received.as_micros()), identity.to_bytes(), packed])
}

fn replace_terms(db: &Connection, terms: &Terms) -> Result<(), Error> {
    let Terms { local, remote, ticket, offered, node } = terms;
    let sql = "INSERT OR REPLACE INTO terms \
               (local, remote, ticket, ticket_expires, offered_message, offered_at, node) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    execute(
        db,
        sql,
        params![
            local.as_bytes(),
            remote.as_bytes(),
            ticket.map(|ticket| ticket.secret),
            ticket.map(|ticket| signed(ticket.expires.as_micros())),
            offered.map(|offer| signed(offer.message.as_micros())),
            offered.map(|offer| signed(offer.at.as_micros())),
            node.map(|node| *node.as_bytes()),
        ],
    )
}

fn replace_ratchets(
    db: &Connection,
    destination: DestinationHash,
    secrets: &[RatchetSecret],
) -> Result<(), Error> {
    let secrets: Vec<u8> = secrets.iter().flat_map(|secret| *secret.as_bytes()).collect();
    let sql = "INSERT OR REPLACE INTO ratchet (destination, secrets) VALUES (?1, ?2)";
    execute(db, sql, params![destination.as_bytes(), secrets])
}
