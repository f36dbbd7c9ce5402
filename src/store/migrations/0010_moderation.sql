-- Bans that end, members who may not speak, and who is a newcomer.

ALTER TABLE ban ADD COLUMN until INTEGER;   -- NULL is until it is lifted

-- Holds for the identity, in the group or out of it.
CREATE TABLE mute (
    group_id    INTEGER NOT NULL,
    identity    BLOB NOT NULL,              -- identity hash, 16 bytes
    member      INTEGER,
    nick        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    by          INTEGER,                    -- member number, NULL for the operator
    since       INTEGER NOT NULL,
    until       INTEGER,                    -- NULL is until it is lifted
    PRIMARY KEY (group_id, identity)
) STRICT, WITHOUT ROWID;

-- Messages posted since they joined, counted up to 100.
ALTER TABLE member ADD COLUMN posts INTEGER NOT NULL DEFAULT 0;
UPDATE member SET posts = min(100, posted) FROM (
    SELECT event.group_id AS of_group, event.actor AS author, count(*) AS posted
    FROM event JOIN member ON member.group_id = event.group_id AND member.member = event.actor
    WHERE event.kind = 6 AND event.seq > member.joined_seq
    GROUP BY event.group_id, event.actor
) WHERE group_id = of_group AND member = author;
