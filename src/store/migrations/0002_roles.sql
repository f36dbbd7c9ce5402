-- Roles that a group made itself, and what single members may do beside their role.

-- Sets of permissions are bits: bit n is the permission with number n.
ALTER TABLE member ADD COLUMN granted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE member ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;

CREATE TABLE role (
    group_id    INTEGER NOT NULL,
    role        INTEGER NOT NULL,           -- its number; those of built-in roles are not here
    name        TEXT NOT NULL,
    what        BLOB NOT NULL,              -- rank, 1 if quiet, permissions as 4 bytes
    PRIMARY KEY (group_id, role)
) STRICT, WITHOUT ROWID;
