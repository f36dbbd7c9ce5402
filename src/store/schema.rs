//! The schema: numbered migrations, and how a connection is set up.

use rusqlite::{Connection, OpenFlags};

use super::{Durability, OpenError};

/// Migration n brings a database from version n-1 to n. What was released is never edited, only followed by more.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_roles.sql"),
    include_str!("migrations/0003_settings.sql"),
    include_str!("migrations/0004_pending.sql"),
    include_str!("migrations/0005_messages.sql"),
    include_str!("migrations/0006_stamps.sql"),
    include_str!("migrations/0007_deleted_groups.sql"),
    include_str!("migrations/0008_entry.sql"),
    include_str!("migrations/0009_paths.sql"),
    include_str!("migrations/0010_moderation.sql"),
    include_str!("migrations/0011_copies.sql"),
    include_str!("migrations/0012_audit.sql"),
    include_str!("migrations/0013_activity.sql"),
    include_str!("migrations/0014_read_marks.sql"),
    include_str!("migrations/0015_mail.sql"),
    include_str!("migrations/0016_gaps.sql"),
    include_str!("migrations/0017_attachments.sql"),
    include_str!("migrations/0018_outbox.sql"),
    include_str!("migrations/0019_network.sql"),
];
/// The schema version that this program reads and writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Page cache of the writer, in KiB: it holds the right edges of the trees, where nearly all writes go.
const WRITER_CACHE_KIB: i64 = 1_024;
/// Page cache of a reader, in KiB.
const READER_CACHE_KIB: i64 = 256;
/// Pages in the log at which a commit moves them into the database even under load (4 KiB each).
const CHECKPOINT_PAGES: i64 = 2_000;
/// Size to which the log is cut back after a burst.
const LOG_BYTES_MAX: i64 = 4 << 20;
/// Prepared statements kept per connection; more than there are.
const STATEMENTS_MAX: usize = 64;
/// How long a reader waits for a lock, which it needs only while the log is being reset.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// Sets up the connection that writes, and brings the schema up to date.
pub(super) fn prepare_writer(db: &mut Connection, durability: Durability) -> Result<(), OpenError> {
    let synchronous = match durability {
        Durability::PowerLoss => "FULL",
        Durability::Crash => "NORMAL",
    };
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    // What is deleted is overwritten, not only unlinked.
    db.pragma_update(None, "secure_delete", "ON")?;
    migrate(db)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &std::path::Path) -> Result<Connection, rusqlite::Error> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    db.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(db)
}

/// Sets up a connection to a database that is thrown away afterwards.
pub(super) fn migrate_scratch(db: &mut Connection) -> Result<(), rusqlite::Error> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    MIGRATIONS.iter().try_for_each(|script| db.execute_batch(script))
}

fn migrate(db: &mut Connection) -> Result<(), OpenError> {
    let found: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > VERSION {
        return Err(OpenError::Newer { found, known: VERSION });
    }
    for (version, script) in (1..=VERSION).zip(MIGRATIONS).skip(found as usize) {
        let step = db.transaction()?;
        step.execute_batch(script)?;
        step.pragma_update(None, "user_version", version)?;
        step.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema as text, as `sqlite_schema` holds it.
    fn schema(db: &Connection) -> Vec<String> {
        let mut rows =
            db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        let first = schema(&db);
        migrate(&mut db).unwrap();
        assert_eq!(schema(&db), first);
        assert!(first.len() >= 10);
    }

    #[test]
    fn durability_decides_whether_a_commit_waits_for_the_disk() {
        const FULL: i64 = 2;
        const NORMAL: i64 = 1;
        for (durability, level) in [(Durability::PowerLoss, FULL), (Durability::Crash, NORMAL)] {
            let mut db = Connection::open_in_memory().unwrap();
            prepare_writer(&mut db, durability).unwrap();
            let found: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
            assert_eq!(found, level, "{durability:?}");
        }
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused_and_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(
            matches!(migrate(&mut db), Err(OpenError::Newer { found, known: VERSION }) if found == VERSION + 1)
        );
        assert_eq!(schema(&db), Vec::<String>::new());
    }

    #[test]
    fn a_migration_that_was_written_stays_as_it_is() {
        let digests = MIGRATIONS.iter().map(|script| {
            let digest = reticulum::hash::sha256(script.as_bytes());
            digest[..4].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        let digests: Vec<_> = digests.collect();
        assert_eq!(
            digests,
            [
                "dcc3ce56", "6b5b91f6", "b46d6f51", "812cf151", "f6662650", "cdde2a24", "20a39039",
                "50bd0d5d", "55b98ce3", "8ca41aab", "f1c39f12", "956424f9", "0629046e", "c7742555",
                "4f32ce6a", "a267f962", "cc1be7c7", "598931ef", "aab46b5e"
            ],
            "add a migration instead of editing one"
        );
    }
}
