-- Messages that are kept for others, as a propagation node. Numbers are never used twice: peers are synced by them.
CREATE TABLE mail (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    destination BLOB NOT NULL,
    received INTEGER NOT NULL,
    value INTEGER NOT NULL,
    size INTEGER NOT NULL,
    preferred INTEGER NOT NULL,
    peer BLOB,
    stamped BLOB NOT NULL
) STRICT;
CREATE INDEX mail_of ON mail (destination, size);
-- All that deciding what goes needs, so that no message has to be read for it.
CREATE INDEX mail_by_age ON mail (received, size, preferred);
-- Messages that were here, so that no peer brings them back: a ring.
CREATE TABLE mail_gone (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE mail_peer (
    destination BLOB NOT NULL PRIMARY KEY,
    through INTEGER NOT NULL,
    key BLOB,
    key_value INTEGER,
    heard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
