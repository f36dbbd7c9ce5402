-- Paths to destinations of others, of a node that forwards: all replaced at most every 6 hours, and when the node ends.
CREATE TABLE path (
    destination BLOB PRIMARY KEY,
    place       BLOB NOT NULL,              -- 0 and the hash of an interface's name, or 1 and a tunnel's id
    hops        INTEGER NOT NULL,
    next_hop    BLOB,                       -- the transport in between
    used        INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    blobs       BLOB NOT NULL,              -- random blobs of announces, 10 bytes each, oldest first
    announce    BLOB NOT NULL               -- the newest one, as a frame
) STRICT, WITHOUT ROWID;
