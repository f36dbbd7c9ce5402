-- What is set in each group, by the names of src/group/setting.rs; what is not here has its default.
CREATE TABLE group_setting (
    group_id    INTEGER NOT NULL,
    key         TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (group_id, key)
) STRICT, WITHOUT ROWID;

INSERT INTO group_setting (group_id, key, value) SELECT group_id, 'name', name FROM "group";
INSERT INTO group_setting (group_id, key, value)
    SELECT group_id, 'visibility', CASE visibility WHEN 0 THEN 'public' ELSE 'private' END FROM "group";
ALTER TABLE "group" DROP COLUMN name;
ALTER TABLE "group" DROP COLUMN visibility;
