//! Stretches of the history as they can be kept in memory: a fixed range of numbers, read once for all readers.

use rusqlite::params;

use super::StoreError;
use super::history::STATEMENTS;
use super::page::Entry;
use super::read::Reader;
use super::row::signed;
use crate::group::{Audience, Event, EventKind, GroupId, Seq, Viewer};

/// Sequence numbers in a stretch: a few pages on a link, and a fraction of a millisecond to read.
const NUMBERS: u64 = 128;
/// Bytes of a stretch, about; one with more is not worth keeping.
const BYTES_MAX: usize = 256 << 10;
/// What an entry takes beside its texts, about.
const ENTRY_BYTES: usize = size_of::<Entry>() + 64;

/// One of the ranges that the numbers of a group are cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StretchId(u64);

/// The history in one stretch.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Oldest first.
    pub entries: Vec<Stretched>,
    /// The newest event of the group when it was read.
    pub head: Seq,
    /// What it takes in memory, about.
    pub bytes: usize,
}

/// An entry, as the operator reads it.
#[derive(Clone, Debug)]
pub struct Stretched {
    /// What happened.
    pub entry: Entry,
    /// Whether others may read it otherwise, or not at all.
    pub depends_on_reader: bool,
}

impl StretchId {
    /// The one with this number in it.
    pub fn of(seq: Seq) -> Self {
        Self(seq.0.saturating_sub(1) / NUMBERS)
    }

    /// Its first number.
    pub fn first(self) -> Seq {
        Seq(self.0.saturating_mul(NUMBERS).saturating_add(1))
    }

    /// Its last number.
    pub fn last(self) -> Seq {
        Seq(self.0.saturating_add(1).saturating_mul(NUMBERS))
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The one before it.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl Reader {
    /// The history in a stretch; `None` if that is too much to keep.
    pub fn stretch(&self, group: GroupId, id: StretchId) -> Result<Option<Stretch>, StoreError> {
        // The rows and the head have to be of one moment.
        let _snapshot = self.db.unchecked_transaction()?;
        let head = self.head(group)?;
        let mut query = self.db.prepare_cached(&STATEMENTS.all[0])?;
        let mut rows = query.query(params![group.0, signed(id.first().0) - 1, signed(id.last().0) + 1])?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let Some(entry) = self.entry(group, &Viewer::OPERATOR, row)? else { continue };
            bytes += ENTRY_BYTES + text_bytes(&entry);
            if bytes > BYTES_MAX {
                return Ok(None);
            }
            entries.push(Stretched { depends_on_reader: depends_on_reader(&entry), entry });
        }
        Ok(Some(Stretch { entries, head, bytes }))
    }
}

fn depends_on_reader(entry: &Entry) -> bool {
    let Event { kind, .. } = &entry.event;
    match kind {
        EventKind::Posted(post) => {
            let reacted = entry.details.as_ref().is_some_and(|details| !details.reactions.is_empty());
            reacted || post.audience != Audience::Everyone || !post.attachments.is_empty()
        }
        // Who may not read the message does not learn what became of it.
        EventKind::Edited { .. }
        | EventKind::Deleted { .. }
        | EventKind::Reacted { .. }
        | EventKind::Unreacted { .. }
        | EventKind::Pinned { .. }
        | EventKind::Unpinned { .. } => true,
        _ => false,
    }
}

fn text_bytes(entry: &Entry) -> usize {
    let quote = entry.details.as_ref().and_then(|details| details.quote.as_ref());
    let own = match &entry.event.kind {
        EventKind::Posted(post) => post.text.len() + post.fields.as_ref().map_or(0, |fields| fields.len()),
        EventKind::Edited { text, .. } => text.len(),
        _ => 0,
    };
    own + quote.map_or(0, |quote| quote.text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_one_stretch() {
        for (seq, first, last) in
            [(1, 1, 128), (128, 1, 128), (129, 129, 256), (1_000_000, 999_937, 1_000_064)]
        {
            let id = StretchId::of(Seq(seq));
            assert_eq!((id.first(), id.last()), (Seq(first), Seq(last)), "{seq}");
            assert_eq!(StretchId::of(id.first()), id);
            assert_eq!(id.next().first(), Seq(last + 1));
            assert_eq!(id.previous().map_or(Seq(0), StretchId::last), Seq(first - 1));
        }
    }
}
