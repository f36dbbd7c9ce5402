-- Which events stand in the audit log; src/group/acts.rs says which kinds do.

CREATE TABLE audit (
    group_id    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    PRIMARY KEY (group_id, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO audit (group_id, seq)
    SELECT group_id, seq FROM event WHERE kind IN (1, 2, 3, 8, 9, 10, 12, 20, 21, 22, 23, 25, 26, 27, 28);
