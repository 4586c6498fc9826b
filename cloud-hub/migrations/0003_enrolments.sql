-- Which boxes the hub knows, how they became known, and what was tried.

-- One row an enrolment: a box that is enrolled again gets another. AUTOINCREMENT: the number stands in certificates.
CREATE TABLE enrolments (
    enrolment   INTEGER PRIMARY KEY AUTOINCREMENT,
    venue       TEXT    NOT NULL,
    edge        TEXT    NOT NULL,
    enrolled_us INTEGER NOT NULL,
    until_us    INTEGER NOT NULL, -- end of its newest certificate
    revoked_us  INTEGER           -- since when it is not let in; NULL: it is
);
CREATE UNIQUE INDEX enrolments_in_force ON enrolments (edge) WHERE revoked_us IS NULL;

CREATE TABLE enrolment_codes (
    digest     TEXT    PRIMARY KEY, -- SHA-256 of the secret, hex: the secret itself is kept nowhere
    venue      TEXT    NOT NULL,
    edge       TEXT,                -- NULL: the hub chooses a name
    made_us    INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    used_us    INTEGER
) WITHOUT ROWID;

CREATE TABLE trust_audit (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us   INTEGER NOT NULL,
    what    TEXT    NOT NULL,
    subject TEXT    NOT NULL, -- whom it is about: a box, an address
    detail  TEXT    NOT NULL
);
