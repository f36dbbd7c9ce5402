-- What waits for somebody who may decide. What it is stands in the event by which it came; the text of a message that
-- waits is in `message`, so that refusing it erases it.

CREATE TABLE pending (
    group_id    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,           -- that of the event by which it came
    member      INTEGER,                    -- whose it is, if they are a member
    PRIMARY KEY (group_id, number)
) STRICT, WITHOUT ROWID;

-- The highest number given so far.
ALTER TABLE "group" ADD COLUMN last_pending INTEGER NOT NULL DEFAULT 0;
