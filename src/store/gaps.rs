//! What members' cursors passed over without a proof.

use rusqlite::{Connection, Error, Row, params};

use super::StoreError;
use super::read::Reader;
use super::row::{signed, unsigned};
use crate::group::delivery::{Gap, GapFate};
use crate::group::{GroupId, LISTED_MAX, Listed, MemberId, Seq, Viewer};

/// Gaps that are kept of each member; the oldest goes first.
/// Those which one can do something about, those on propagation nodes, and those which nobody misses are counted apart.
const GAPS_PER_MEMBER: i64 = 64;

/// Notes a gap, as a part of the one before it if that ends where it begins and has the same reason. What is on a
/// propagation node stays apart, copy by copy.
pub(super) fn insert(db: &Connection, group: GroupId, gap: &Gap) -> Result<(), Error> {
    let values = params![group.0, gap.member.0, signed(gap.first.0), signed(gap.last.0), number(gap.fate)];
    let sql = "UPDATE gap SET last = ?4 WHERE group_id = ?1 AND member = ?2 AND last = ?3 - 1 AND fate = ?5 AND fate <> 1";
    if db.prepare_cached(sql)?.execute(values)? > 0 {
        return Ok(());
    }
    let sql = "INSERT OR REPLACE INTO gap (group_id, member, first, last, fate) VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute(values)?;
    let class = match gap.fate {
        GapFate::Stored => "fate = 1",
        GapFate::Refused | GapFate::Expired | GapFate::Digested => "fate IN (2, 3, 6)",
        GapFate::Unwanted | GapFate::Withdrawn => "fate IN (4, 5)",
    };
    let sql = format!(
        "DELETE FROM gap WHERE group_id = ?1 AND member = ?2 AND {class} AND first <= \
         (SELECT first FROM gap WHERE group_id = ?1 AND member = ?2 AND {class} ORDER BY first DESC LIMIT 1 OFFSET ?3)"
    );
    db.prepare_cached(&sql)?.execute(params![group.0, gap.member.0, GAPS_PER_MEMBER]).map(|_| ())
}

/// What was on a propagation node is proven.
pub(super) fn remove_stored(db: &Connection, group: GroupId, gap: &Gap) -> Result<(), Error> {
    let sql = "DELETE FROM gap WHERE group_id = ?1 AND member = ?2 AND last = ?3 AND fate = 1";
    db.prepare_cached(sql)?.execute(params![group.0, gap.member.0, signed(gap.last.0)]).map(|_| ())
}

impl Reader {
    /// The members who passed a post over, and why.
    pub fn gaps_at(&self, group: GroupId, seq: Seq) -> Result<Vec<Gap>, StoreError> {
        let sql =
            "SELECT member, first, last, fate FROM gap WHERE group_id = ?1 AND last >= ?2 AND first <= ?2";
        let mut query = self.db.prepare_cached(sql)?;
        query.query_and_then(params![group.0, signed(seq.0)], gap)?.collect()
    }

    /// The newest messages that a reader was not sent and will not be, the newest first. `more` are further numbers like
    /// those of a gap: after the first, up to the second.
    pub fn missed(
        &self,
        group: GroupId,
        viewer: Viewer,
        more: Option<(Seq, Seq)>,
    ) -> Result<Vec<Listed>, StoreError> {
        let sql = "SELECT member, first, last, fate FROM gap WHERE group_id = ?1 AND member = ?2 AND fate IN (2, 3, 6) \
                   ORDER BY first DESC";
        let mut query = self.db.prepare_cached(sql)?;
        let member = viewer.member.map(|member| member.0);
        let gaps: Vec<Gap> =
            query.query_and_then(params![group.0, member], gap)?.collect::<Result<_, _>>()?;
        let gaps = gaps.into_iter().map(|gap| (Seq(gap.first.0.saturating_sub(1)), gap.last));
        let mut found = Vec::new();
        for (after, last) in more.into_iter().chain(gaps) {
            if found.len() < LISTED_MAX {
                found.extend(self.list_between(group, viewer, after, Seq(last.0 + 1))?);
            }
        }
        found.truncate(LISTED_MAX);
        Ok(found)
    }
}

fn gap(row: &Row<'_>) -> Result<Gap, StoreError> {
    Ok(Gap {
        member: MemberId(row.get(0)?),
        first: Seq(unsigned(row.get(1)?)),
        last: Seq(unsigned(row.get(2)?)),
        fate: match row.get(3)? {
            1 => GapFate::Stored,
            2 => GapFate::Refused,
            4 => GapFate::Unwanted,
            5 => GapFate::Withdrawn,
            6 => GapFate::Digested,
            _ => GapFate::Expired,
        },
    })
}

fn number(fate: GapFate) -> u8 {
    match fate {
        GapFate::Stored => 1,
        GapFate::Refused => 2,
        GapFate::Expired => 3,
        GapFate::Unwanted => 4,
        GapFate::Withdrawn => 5,
        GapFate::Digested => 6,
    }
}
