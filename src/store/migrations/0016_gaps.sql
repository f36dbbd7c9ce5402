-- What members' cursors passed over without a proof: from the first number to the last, all for one reason. What is neither
-- here nor behind the cursor was proven.
CREATE TABLE gap (
    group_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    fate        INTEGER NOT NULL,   -- 1 on a propagation node, 2 refused, 3 expired
    PRIMARY KEY (group_id, member, first)
) STRICT, WITHOUT ROWID;

CREATE INDEX gap_ends ON gap (group_id, last);
