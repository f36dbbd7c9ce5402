-- What members chose for themselves; what is not here is as usual.
CREATE TABLE preference (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (group_id, member, key)
) STRICT, WITHOUT ROWID;

-- When members were last heard, give or take an hour.
CREATE TABLE activity (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    heard       INTEGER NOT NULL,
    PRIMARY KEY (group_id, member)
) STRICT, WITHOUT ROWID;
