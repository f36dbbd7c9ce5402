-- The first schema. Times are microseconds since 1970 UTC; sequence numbers count per group, from 1.
-- All but `event` can be made anew from the log; they are kept so that a start need not read it.

CREATE TABLE "group" (
    group_id    INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    visibility  INTEGER NOT NULL,           -- 0 public, 1 private
    claim       BLOB,                       -- hash of the claim code until it is used
    messages    INTEGER NOT NULL            -- posted and not deleted
) STRICT;

-- The log. Rows are only ever added. The text of a post is in `message`, so that deleting it erases it.
CREATE TABLE event (
    group_id    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    time        INTEGER NOT NULL,           -- strictly increasing within a group
    kind        INTEGER NOT NULL,           -- src/store/row.rs lists the kinds and what the columns hold for each
    actor       INTEGER,                    -- member number, NULL for the operator
    number      INTEGER,
    bytes       BLOB,
    text        TEXT,
    note        TEXT,
    PRIMARY KEY (group_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    group_id    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,           -- that of the event which posted it
    text        TEXT,                       -- NULL once it is deleted
    message_id  BLOB,
    signature   BLOB,                       -- the author's own, if it was kept
    signed      BLOB,                       -- what it covers
    PRIMARY KEY (group_id, seq)
) STRICT, WITHOUT ROWID;

-- Members, present and former: authors of old messages still need them.
CREATE TABLE member (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    identity    BLOB NOT NULL,              -- public keys, 64 bytes
    nick        TEXT NOT NULL,
    role        INTEGER NOT NULL,           -- 0 member, 1 owner
    joined      INTEGER NOT NULL,
    joined_seq  INTEGER NOT NULL,
    left_seq    INTEGER,                    -- NULL while they are in
    PRIMARY KEY (group_id, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE ban (
    group_id    INTEGER NOT NULL,
    identity    BLOB NOT NULL,              -- identity hash, 16 bytes
    member      INTEGER,
    nick        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    by          INTEGER,                    -- member number, NULL for the operator
    since       INTEGER NOT NULL,
    PRIMARY KEY (group_id, identity)
) STRICT, WITHOUT ROWID;

-- How far each present member has received posts. Small rows of their own, because they change with every delivery.
CREATE TABLE delivery (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    through     INTEGER NOT NULL,
    PRIMARY KEY (group_id, member)
) STRICT, WITHOUT ROWID;

-- A ring of the newest message ids, by which copies are recognised across restarts.
CREATE TABLE seen (
    slot        INTEGER PRIMARY KEY,        -- number modulo the size of the ring
    number      INTEGER NOT NULL,           -- counts up
    prefix      INTEGER NOT NULL            -- first 8 bytes of the id, as a signed number
) STRICT;

CREATE TABLE peer (
    destination BLOB PRIMARY KEY,
    identity    BLOB NOT NULL,              -- public keys, 64 bytes
    app_data    BLOB,
    ratchet     BLOB,
    ratchet_heard INTEGER,
    heard       INTEGER NOT NULL,
    emitted_s   INTEGER NOT NULL            -- seconds of the peer's own clock
) STRICT, WITHOUT ROWID;

-- Ratchets of our own destinations.
CREATE TABLE ratchet (
    destination BLOB PRIMARY KEY,
    secrets     BLOB NOT NULL               -- 32 bytes each, newest first
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    group_id    INTEGER NOT NULL,           -- 0 for the node's own
    key         TEXT NOT NULL,
    value       BLOB NOT NULL,
    PRIMARY KEY (group_id, key)
) STRICT, WITHOUT ROWID;
