//! Messages that are kept for others, as a propagation node (`spec/lxmf.md` 10.2), within a quota of their own.

use std::time::Duration;

use lxmf::propagation::TransientId;
use lxmf::propagation::node::{Answer, Ask, Change, Kept, PeerRecord, STORED_FOR, Totals};
use reticulum::hash::DestinationHash;
use reticulum::time::UnixTime;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::StoreError;
use super::read::Reader;
use super::row::{self, signed, unsigned};

/// Messages that go at a time, to make room or because they are old.
const GOING_AT_A_TIME: i64 = 64;
/// Messages that were here and are remembered; the oldest is forgotten. A peer that brings one back pays with its stamp.
const GONE_MAX: i64 = 65_536;
/// What a transfer costs beside its messages, and each message beside its bytes (`spec/lxmf.md` 9.2).
const TRANSFER_LEN: u64 = 24;
/// See [`TRANSFER_LEN`].
const MESSAGE_LEN: u64 = 16;
/// A day, in microseconds.
const DAY_US: f64 = Duration::from_secs(24 * 3600).as_micros() as f64;

/// What the writer knows of the table.
#[derive(Debug, Default)]
pub(super) struct Mail {
    totals: Totals,
    bytes_max: u64,
    /// What came before this goes when there is time.
    sweeps: Option<UnixTime>,
}

impl Mail {
    pub(super) fn read(db: &Connection, bytes_max: u64, now: UnixTime) -> Result<Self, Error> {
        Ok(Self { totals: totals(db)?, bytes_max, sweeps: Some(now - STORED_FOR) })
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn apply(&mut self, db: &Connection, change: &Change) -> Result<(), Error> {
        match change {
            Change::Keep(all) => {
                all.iter().try_for_each(|kept| self.keep(db, kept))?;
                match all.last() {
                    Some(newest) => self.make_room(db, newest.received),
                    None => Ok(()),
                }
            }
            Change::Delete { destination, ids } => {
                ids.iter().try_for_each(|id| self.delete(db, destination, id))
            }
            Change::Sweep { before } => {
                self.sweeps = Some(*before);
                Ok(())
            }
            Change::Peer(peer) => replace_peer(db, peer),
            Change::ForgetPeer(destination) => db
                .prepare_cached("DELETE FROM mail_peer WHERE destination = ?1")?
                .execute([destination.as_bytes()])
                .map(drop),
        }
    }

    pub(super) fn has_chores(&self) -> bool {
        self.sweeps.is_some()
    }

    /// Lets a few go that are too old.
    pub(super) fn do_chore(&mut self, db: &Connection) -> Result<(), Error> {
        let Some(before) = self.sweeps else { return Ok(()) };
        let sql = "SELECT number FROM mail WHERE received < ?1 ORDER BY received LIMIT ?2";
        if self.let_go(db, sql, signed(before.as_micros()))? == 0 {
            self.sweeps = None;
        }
        Ok(())
    }

    fn keep(&mut self, db: &Connection, kept: &Kept) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO mail (id, destination, received, value, size, preferred, peer, stamped) \
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM mail_gone WHERE id = ?1)";
        let size = kept.stamped.len() as u64;
        let inserted = db.prepare_cached(sql)?.execute(params![
            kept.id.as_bytes(),
            kept.destination.as_bytes(),
            signed(kept.received.as_micros()),
            kept.value,
            signed(size),
            kept.is_preferred,
            kept.from.as_ref().map(DestinationHash::as_bytes),
            kept.stamped,
        ])?;
        if inserted > 0 {
            self.totals.count += 1;
            self.totals.bytes += size;
        }
        Ok(())
    }

    /// Lets the heaviest go until the rest is within the quota. They go some at a time, so that those that come next find
    /// room without looking for it.
    fn make_room(&mut self, db: &Connection, now: UnixTime) -> Result<(), Error> {
        let sql = format!(
            "SELECT number FROM mail INDEXED BY mail_by_age \
             ORDER BY (CASE preferred WHEN 0 THEN 1.0 ELSE 0.1 END) * max(1.0, (?1 - received) / {DAY_US:.1} / 4.0) * size \
             DESC, received LIMIT ?2"
        );
        while self.totals.bytes > self.bytes_max {
            if self.let_go(db, &sql, signed(now.as_micros()))? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Lets go what a query over the table finds, and returns how many that were.
    fn let_go(&mut self, db: &Connection, sql: &str, value: i64) -> Result<usize, Error> {
        let mut query = db.prepare_cached(sql)?;
        let numbers = query.query_map(params![value, GOING_AT_A_TIME], |row| row.get(0))?;
        let numbers: Vec<i64> = numbers.collect::<Result<_, _>>()?;
        for number in &numbers {
            let sql = "DELETE FROM mail WHERE number = ?1 RETURNING id, size";
            let gone = db.prepare_cached(sql)?.query_row([number], gone).optional()?;
            self.forget(db, gone)?;
        }
        Ok(numbers.len())
    }

    fn delete(
        &mut self,
        db: &Connection,
        destination: &DestinationHash,
        id: &TransientId,
    ) -> Result<(), Error> {
        let sql = "DELETE FROM mail WHERE id = ?1 AND destination = ?2 RETURNING id, size";
        let values = params![id.as_bytes(), destination.as_bytes()];
        let gone = db.prepare_cached(sql)?.query_row(values, gone).optional()?;
        self.forget(db, gone)
    }

    /// Remembers that a message was here.
    fn forget(&mut self, db: &Connection, gone: Option<([u8; 32], u64)>) -> Result<(), Error> {
        let Some((id, size)) = gone else { return Ok(()) };
        self.totals.count = self.totals.count.saturating_sub(1);
        self.totals.bytes = self.totals.bytes.saturating_sub(size);
        db.prepare_cached("INSERT OR IGNORE INTO mail_gone (id) VALUES (?1)")?.execute([id])?;
        let oldest = db.last_insert_rowid() - GONE_MAX;
        db.prepare_cached("DELETE FROM mail_gone WHERE number <= ?1")?.execute([oldest]).map(drop)
    }
}

fn gone(row: &Row<'_>) -> Result<([u8; 32], u64), Error> {
    Ok((row.get(0)?, unsigned(row.get(1)?)))
}

fn totals(db: &Connection) -> Result<Totals, Error> {
    let sql = "SELECT count(*), total(size) FROM mail INDEXED BY mail_by_age";
    db.query_row(sql, [], |row| {
        Ok(Totals { count: unsigned(row.get(0)?), bytes: row.get::<_, f64>(1)? as u64 })
    })
}

fn replace_peer(db: &Connection, peer: &PeerRecord) -> Result<(), Error> {
    let sql = "INSERT OR REPLACE INTO mail_peer (destination, through, key, key_value, heard) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![
        peer.destination.as_bytes(),
        signed(peer.through),
        peer.key.map(|(key, _)| key),
        peer.key.map(|(_, value)| value),
        signed(peer.heard.as_micros()),
    ];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

/// What [`peer`] reads.
pub(super) const SELECT_PEERS: &str = "SELECT destination, through, key, key_value, heard FROM mail_peer";

pub(super) fn peer(row: &Row<'_>) -> Result<PeerRecord, StoreError> {
    Ok(PeerRecord {
        destination: DestinationHash::new(row.get(0)?),
        through: unsigned(row.get(1)?),
        key: row.get::<_, Option<_>>(2)?.zip(row.get::<_, Option<_>>(3)?),
        heard: row::time(row.get(4)?),
    })
}

impl Reader {
    /// Answers a propagation node.
    pub fn mail(&self, ask: &Ask) -> Result<Answer, StoreError> {
        Ok(match ask {
            Ask::List { destination, count_max } => Answer::Ids(self.mail_of(destination, *count_max)?),
            Ask::Fetch { destination, ids, bytes_max } => {
                Answer::Messages(self.fetch_mail(Some(destination), ids, *bytes_max)?)
            }
            Ask::Bodies(ids) => Answer::Messages(self.fetch_mail(None, ids, u64::MAX)?),
            Ask::Unknown(ids) => {
                let sql = "SELECT EXISTS (SELECT 1 FROM mail WHERE id = ?1) OR EXISTS (SELECT 1 FROM mail_gone WHERE id = ?1)";
                let mut query = self.db().prepare_cached(sql)?;
                let mut unknown = Vec::new();
                for id in ids {
                    if !query.query_row([id.as_bytes()], |row| row.get::<_, bool>(0))? {
                        unknown.push(*id);
                    }
                }
                Answer::Ids(unknown)
            }
            Ask::Newer { .. } => self.newer_mail(ask)?,
            Ask::Totals { behind } => {
                let behind = behind.iter().map(|(peer, through)| self.mail_behind(peer, *through));
                Answer::Totals(totals(self.db())?, behind.collect::<Result<_, _>>()?)
            }
        })
    }

    /// How many messages a peer has not been offered.
    fn mail_behind(&self, peer: &DestinationHash, through: u64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM mail WHERE number > ?1 AND peer IS NOT ?2";
        let mut query = self.db().prepare_cached(sql)?;
        Ok(query.query_row(params![signed(through), peer.as_bytes()], |row| row.get(0).map(unsigned))?)
    }

    fn mail_of(
        &self,
        destination: &DestinationHash,
        count_max: usize,
    ) -> Result<Vec<TransientId>, StoreError> {
        let sql = "SELECT id FROM mail WHERE destination = ?1 ORDER BY size LIMIT ?2";
        let mut query = self.db().prepare_cached(sql)?;
        let values = params![destination.as_bytes(), count_max as i64];
        let ids = query.query_map(values, |row| row.get(0).map(TransientId::new))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn fetch_mail(
        &self,
        of: Option<&DestinationHash>,
        ids: &[TransientId],
        bytes_max: u64,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let of = of.map(DestinationHash::as_bytes);
        let head = "SELECT size FROM mail WHERE id = ?1 AND (?2 IS NULL OR destination = ?2)";
        let (mut size, mut body) = (
            self.db().prepare_cached(head)?,
            self.db().prepare_cached("SELECT stamped FROM mail WHERE id = ?1")?,
        );
        let (mut messages, mut total) = (Vec::new(), TRANSFER_LEN);
        for id in ids {
            let len = size.query_row(params![id.as_bytes(), of], |row| row.get::<_, i64>(0)).optional()?;
            let Some(more) = len.map(|len| unsigned(len) + MESSAGE_LEN) else { continue };
            if total.saturating_add(more) > bytes_max {
                continue;
            }
            // It may have gone between the two.
            if let Some(message) = body.query_row([id.as_bytes()], |row| row.get(0)).optional()? {
                total += more;
                messages.push(message);
            }
        }
        Ok(messages)
    }

    fn newer_mail(&self, ask: &Ask) -> Result<Answer, StoreError> {
        let Ask::Newer { peer, after, value_min, len_max, count_max, bytes_max } = ask else {
            return Ok(Answer::Failed);
        };
        let newest: Option<i64> =
            self.db().query_row("SELECT max(number) FROM mail", [], |row| row.get(0))?;
        let newest = newest.map_or(*after, unsigned).max(*after);
        let sql = "SELECT number, id, size FROM mail WHERE number > ?1 AND number <= ?2 AND value >= ?3 AND size <= ?4 \
                   AND peer IS NOT ?5 ORDER BY number";
        let mut query = self.db().prepare_cached(sql)?;
        let values = params![signed(*after), signed(newest), value_min, signed(*len_max), peer.as_bytes()];
        let mut rows = query.query(values)?;
        let (mut ids, mut total, mut through) = (Vec::new(), TRANSFER_LEN, *after);
        while let Some(row) = rows.next()? {
            let len = unsigned(row.get(2)?) + MESSAGE_LEN;
            // The first always fits, or the peer would never get past it.
            if ids.len() >= *count_max || !ids.is_empty() && total + len > *bytes_max {
                return Ok(Answer::Newer(ids, through));
            }
            total += len;
            through = unsigned(row.get(0)?);
            ids.push(TransientId::new(row.get(1)?));
        }
        Ok(Answer::Newer(ids, newest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;
    use crate::store::Durability;

    const ALICE: DestinationHash = DestinationHash::new([0xa; 16]);
    const BOB: DestinationHash = DestinationHash::new([0xb; 16]);
    const PEER: DestinationHash = DestinationHash::new([0xc; 16]);

    const fn id(byte: u8) -> TransientId {
        TransientId::new([byte; 32])
    }

    fn kept(byte: u8, destination: DestinationHash, len: usize, day: u64) -> Kept {
        Kept {
            id: id(byte),
            destination,
            received: UnixTime::from_secs(day * 24 * 3600),
            value: u16::from(byte),
            is_preferred: destination == ALICE,
            from: (byte == 3).then_some(PEER),
            stamped: vec![byte; len],
        }
    }

    fn open(bytes_max: u64) -> (Reader, Mail) {
        let mut db = Connection::open_in_memory().unwrap();
        schema::prepare_writer(&mut db, Durability::Crash).unwrap();
        let mail = Mail::read(&db, bytes_max, UnixTime::from_secs(0)).unwrap();
        (Reader { db }, mail)
    }

    fn newer(after: u64, value_min: u16, count_max: usize, bytes_max: u64) -> Ask {
        Ask::Newer { peer: PEER, after, value_min, len_max: 1_000, count_max, bytes_max }
    }

    #[test]
    fn who_asks_gets_their_own_the_smallest_first_and_what_fits() {
        let (store, mut mail) = open(100_000);
        let all = vec![kept(1, ALICE, 300, 40), kept(2, ALICE, 200, 40), kept(3, BOB, 250, 40)];
        mail.apply(&store.db, &Change::Keep(all.clone())).unwrap();
        mail.apply(&store.db, &Change::Keep(all)).unwrap();
        assert_eq!(mail.totals(), Totals { count: 3, bytes: 750 });
        let list = |destination| store.mail(&Ask::List { destination, count_max: 9 }).unwrap();
        assert_eq!((list(ALICE), list(BOB)), (Answer::Ids(vec![id(2), id(1)]), Answer::Ids(vec![id(3)])));
        let fetch = |bytes_max| {
            let ids = vec![id(1), id(2), id(3), id(9)];
            store.mail(&Ask::Fetch { destination: ALICE, ids, bytes_max }).unwrap()
        };
        assert_eq!(fetch(24 + 316 + 216), Answer::Messages(vec![vec![1; 300], vec![2; 200]]));
        assert_eq!(fetch(24 + 316 + 215), Answer::Messages(vec![vec![1; 300]]));
        assert_eq!(fetch(24 + 216), Answer::Messages(vec![vec![2; 200]]), "what does not fit is left out");
    }

    #[test]
    fn what_its_recipient_deleted_is_not_taken_again_and_nobody_else_deletes_it() {
        let (store, mut mail) = open(100_000);
        mail.apply(&store.db, &Change::Keep(vec![kept(1, ALICE, 300, 40)])).unwrap();
        mail.apply(&store.db, &Change::Delete { destination: BOB, ids: vec![id(1)] }).unwrap();
        assert_eq!(mail.totals().count, 1);
        mail.apply(&store.db, &Change::Delete { destination: ALICE, ids: vec![id(1)] }).unwrap();
        mail.apply(&store.db, &Change::Keep(vec![kept(1, ALICE, 300, 40)])).unwrap();
        assert_eq!(mail.totals(), Totals::default());
        let unknown = store.mail(&Ask::Unknown(vec![id(1), id(2)])).unwrap();
        assert_eq!(unknown, Answer::Ids(vec![id(2)]));
    }

    #[test]
    fn the_quota_takes_the_heaviest_and_those_of_members_last() {
        let (store, mut mail) = open(20_000);
        let light: Vec<_> = (10..90).map(|byte| kept(byte, ALICE, 200, 40)).collect();
        mail.apply(&store.db, &Change::Keep(light)).unwrap();
        let heavy: Vec<_> = (100..164).map(|byte| kept(byte, BOB, 200, 40)).collect();
        mail.apply(&store.db, &Change::Keep(heavy)).unwrap();
        assert_eq!(mail.totals(), Totals { count: 80, bytes: 16_000 });
        let of_bob = store.mail(&Ask::List { destination: BOB, count_max: 9 }).unwrap();
        assert_eq!(of_bob, Answer::Ids(vec![]));
        assert_eq!(totals(&store.db).unwrap(), mail.totals());
    }

    #[test]
    fn what_is_too_old_goes_a_few_at_a_time() {
        let (store, mut mail) = open(100_000);
        mail.sweeps = None;
        let old: Vec<_> = (10..110).map(|byte| kept(byte, ALICE, 200, 1)).collect();
        mail.apply(&store.db, &Change::Keep(old)).unwrap();
        mail.apply(&store.db, &Change::Keep(vec![kept(1, ALICE, 200, 40)])).unwrap();
        mail.apply(&store.db, &Change::Sweep { before: UnixTime::from_secs(2 * 24 * 3600) }).unwrap();
        let mut left = Vec::new();
        while mail.has_chores() {
            mail.do_chore(&store.db).unwrap();
            left.push(mail.totals().count);
        }
        assert_eq!(left, [37, 1, 1]);
    }

    #[test]
    fn a_peer_is_offered_what_is_new_and_worth_it_and_not_what_it_brought() {
        let (store, mut mail) = open(100_000);
        let all = [1, 2, 3, 4, 5].map(|byte| kept(byte, BOB, 200, 40));
        mail.apply(&store.db, &Change::Keep(all.to_vec())).unwrap();
        let ask = |ask: Ask| store.mail(&ask).unwrap();
        let ids = |bytes: &[u8]| bytes.iter().map(|byte| id(*byte)).collect::<Vec<_>>();
        assert_eq!(ask(newer(0, 2, 9, 9_000)), Answer::Newer(ids(&[2, 4, 5]), 5));
        assert_eq!(ask(newer(0, 2, 2, 9_000)), Answer::Newer(ids(&[2, 4]), 4));
        assert_eq!(ask(newer(0, 2, 9, 24 + 216)), Answer::Newer(ids(&[2]), 2));
        assert_eq!(ask(newer(5, 0, 9, 9_000)), Answer::Newer(vec![], 5));
        // The third is from the peer itself.
        let totals = Totals { count: 5, bytes: 1_000 };
        let behind = vec![(PEER, 0), (PEER, 2), (PEER, 5), (BOB, 0)];
        assert_eq!(ask(Ask::Totals { behind }), Answer::Totals(totals, vec![4, 2, 0, 5]));
    }

    #[test]
    fn peers_are_read_back() {
        let (store, mut mail) = open(0);
        let record = PeerRecord {
            destination: PEER,
            through: 7,
            key: Some(([5; 32], 18)),
            heard: UnixTime::from_secs(1_760_000_000),
        };
        mail.apply(&store.db, &Change::Peer(record.clone())).unwrap();
        let read = || store.db.query_row(SELECT_PEERS, [], |row| Ok(peer(row).unwrap())).optional().unwrap();
        assert_eq!(read(), Some(record));
        mail.apply(&store.db, &Change::ForgetPeer(PEER)).unwrap();
        assert_eq!(read(), None);
    }
}
