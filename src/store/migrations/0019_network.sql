-- Air time that an interface with a limit of the hour used, so that a crash does not give it another hour's.
CREATE TABLE airtime (
    interface   TEXT PRIMARY KEY,
    at          INTEGER NOT NULL,           -- when this was so
    used        BLOB NOT NULL,              -- microseconds in each minute before, the newest first, 4 bytes each, big-endian
    reserved    INTEGER NOT NULL            -- microseconds that it might use beyond that before it wrote again
) STRICT, WITHOUT ROWID;

-- Whose traffic is dropped because the operator said so while the node ran; the configuration has a list of its own.
CREATE TABLE blackhole (
    identity    BLOB PRIMARY KEY,
    until       INTEGER,                    -- for good without it
    reason      TEXT
) STRICT, WITHOUT ROWID;
