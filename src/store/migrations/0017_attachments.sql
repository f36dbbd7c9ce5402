-- What is attached to messages.

-- Beside the text of a post: for each attachment its kind (0 file, 1 image, 2 and 8 bytes: audio of that codec), size (4
-- bytes), length of the name (2 bytes) and the name. It stays when the bytes are erased for want of room.
ALTER TABLE message ADD COLUMN attachments BLOB;

-- The bytes, by the number of the event that brought them and their place in its list, from 0.
CREATE TABLE attachment (
    group_id    INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    place       INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    bytes       BLOB NOT NULL,
    PRIMARY KEY (group_id, seq, place)
) STRICT;

CREATE INDEX attachment_size ON attachment (group_id, seq, size);
