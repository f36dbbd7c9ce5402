-- Groups that were deleted: their numbers are not given again. Rows of them that are left in other tables are erased a few at
-- a time, whenever the writer has nothing else to do.
CREATE TABLE deleted_group (
    group_id    INTEGER PRIMARY KEY,
    erased      INTEGER NOT NULL            -- 1 once nothing is left
) STRICT;
