-- How far members have read, as their clients say. A mark only goes forward.

CREATE TABLE read_mark (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (group_id, member)
) STRICT, WITHOUT ROWID;
