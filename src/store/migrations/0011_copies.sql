-- What links messages of members to ours, and recognises what they send twice.

-- The ids by which members' clients know messages: their own ones, and their copies of others'. The newest of each member.
CREATE TABLE copy (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    message_id  BLOB NOT NULL,
    PRIMARY KEY (group_id, member, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX copy_ids ON copy (group_id, member, message_id);

-- Members whose clients have shown that they know replies and reactions.
CREATE TABLE client (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    PRIMARY KEY (group_id, member)
) STRICT, WITHOUT ROWID;

-- What the messages in the ring said, where they became posts.
ALTER TABLE seen ADD COLUMN content INTEGER;        -- first 8 bytes of a hash, as a signed number
ALTER TABLE seen ADD COLUMN time    INTEGER;

ALTER TABLE message ADD COLUMN relation INTEGER;    -- of a reply: NULL an answer, 1 a comment, 2 a continuation
ALTER TABLE message ADD COLUMN fields   BLOB;       -- the fields of the LXMF message that nothing here stands for
