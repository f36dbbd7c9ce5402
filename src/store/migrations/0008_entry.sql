-- Who was invited, by which codes one comes in, and who let in whom.
CREATE TABLE invitation (
    group_id    INTEGER NOT NULL,
    identity    BLOB NOT NULL,              -- identity hash, 16 bytes
    by          INTEGER,                    -- member number, NULL for the operator
    since       INTEGER NOT NULL,
    told        INTEGER NOT NULL,           -- whether the person knows
    PRIMARY KEY (group_id, identity)
) STRICT, WITHOUT ROWID;

CREATE TABLE invite_code (
    group_id    INTEGER NOT NULL,
    number      INTEGER NOT NULL,           -- sequence number of the event that issued it
    hash        BLOB NOT NULL,
    by          INTEGER,
    expires     INTEGER,                    -- NULL is never
    uses_left   INTEGER NOT NULL,
    PRIMARY KEY (group_id, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE member ADD COLUMN invited_by INTEGER;

-- Who waits to come in, by identity hash.
ALTER TABLE pending ADD COLUMN person BLOB;
