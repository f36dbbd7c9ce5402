-- Messages that have not paid for themselves yet, and what is agreed with single peers.

CREATE TABLE held (
    message_id  BLOB PRIMARY KEY,
    group_id    INTEGER NOT NULL,
    received    INTEGER NOT NULL,           -- microseconds since 1970
    identity    BLOB NOT NULL,              -- public keys of the sender, whose signature was checked
    packed      BLOB NOT NULL               -- the message as it travelled
) STRICT, WITHOUT ROWID;

CREATE TABLE terms (
    local           BLOB NOT NULL,          -- lxmf.delivery of ours
    remote          BLOB NOT NULL,          -- lxmf.delivery of the peer
    ticket          BLOB,                   -- that the peer gave us
    ticket_expires  INTEGER,                -- microseconds since 1970
    offered_message INTEGER,                -- timestamp of the message that carries ours
    offered_at      INTEGER,
    node            BLOB,                   -- lxmf.propagation on which the peer looks
    PRIMARY KEY (local, remote)
) STRICT, WITHOUT ROWID;
