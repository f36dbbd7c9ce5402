-- What a message is besides its text, what becomes of it, and finding it by its words.

-- A row of `message` is the text of an event: of a post, or of an edit, which then names the post. So the log says what
-- was said when, and deleting a post erases all of it.
ALTER TABLE message ADD COLUMN edits     INTEGER;   -- of an edit: the number of the post; NULL for a post
ALTER TABLE message ADD COLUMN post_kind INTEGER;   -- NULL text, 1 deed, 2 notice
ALTER TABLE message ADD COLUMN nick      TEXT;      -- the author's at that moment
ALTER TABLE message ADD COLUMN reply_to  INTEGER;
ALTER TABLE message ADD COLUMN thread    INTEGER;   -- the post that began it
ALTER TABLE message ADD COLUMN audience  BLOB;      -- NULL everyone, else 1 byte (1: the staff too) and 4 bytes a member
ALTER TABLE message ADD COLUMN mentions  BLOB;      -- 4 bytes a member
ALTER TABLE message ADD COLUMN edited    INTEGER;   -- the number of the newest edit
ALTER TABLE message ADD COLUMN reactions INTEGER;   -- rows in `reaction`, NULL for none

CREATE INDEX message_edits ON message (group_id, edits, seq) WHERE edits IS NOT NULL;
CREATE INDEX message_thread ON message (group_id, thread, seq) WHERE thread IS NOT NULL;

CREATE TABLE reaction (
    group_id    INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    reaction    TEXT NOT NULL,
    member      INTEGER NOT NULL,
    PRIMARY KEY (group_id, target, reaction, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (
    group_id    INTEGER NOT NULL,
    target      INTEGER NOT NULL,
    PRIMARY KEY (group_id, target)
) STRICT, WITHOUT ROWID;

-- The words of every text as it reads now. A row's number is group_id * 2^40 + seq.
CREATE VIRTUAL TABLE search USING fts5(text, content = '', tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
INSERT INTO search (rowid, text)
    SELECT (group_id << 40) + seq, text FROM message WHERE text IS NOT NULL;
