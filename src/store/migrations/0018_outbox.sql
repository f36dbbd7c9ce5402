-- Copies that were sent and not proven, as far as the log does not tell them: what is sent again is to be the same message.
CREATE TABLE outbox (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    last        INTEGER NOT NULL,   -- the last post that it holds
    first       INTEGER NOT NULL,   -- the first one
    content     TEXT,               -- NULL: the post `last`, as it was posted
    time        INTEGER,            -- of the message
    fields      BLOB,               -- without attachments; NULL for none
    attached    INTEGER,            -- 1: with all attachments of `last`
    parts       BLOB,               -- 8 bytes a post, where it holds others than `last`
    stored      INTEGER NOT NULL,   -- 1: it is on a propagation node
    why         INTEGER,            -- why the last attempt failed
    cost        INTEGER,            -- of a stamp that was too dear
    PRIMARY KEY (group_id, member, last)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_ends ON outbox (group_id, last);
