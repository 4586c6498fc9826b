-- Who may come in, what they may, and what was done.

-- Counts up with every change below: processes look at it to know that they hold something old.
CREATE TABLE access_revision (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL
);
INSERT INTO access_revision (one, revision) VALUES (1, 0);

-- People and programs. `name` is what is typed at the login: chosen, no address.
CREATE TABLE accounts (
    account  TEXT    PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    roles    TEXT    NOT NULL, -- JSON: role, scope, until
    personal TEXT    NOT NULL, -- sealed by the account's own key: name for people, address for mail
    secrets  TEXT    NOT NULL, -- sealed: password's digest, codes
    made_us  INTEGER NOT NULL,
    ended_us INTEGER,          -- since when it is shut out; NULL: it is not
    revision INTEGER NOT NULL
) WITHOUT ROWID;

-- One row a login, or a key of a program.
CREATE TABLE sessions (
    session    TEXT    PRIMARY KEY,
    account    TEXT    NOT NULL,
    kind       TEXT    NOT NULL, -- browser, program, key
    digest     TEXT    NOT NULL, -- SHA-256 of the secret it is shown by; the secret itself is kept nowhere
    refreshes  INTEGER NOT NULL, -- number of the refresh token that is in force
    made_us    INTEGER NOT NULL,
    used_us    INTEGER NOT NULL,
    until_us   INTEGER NOT NULL,
    proved_us  INTEGER NOT NULL, -- when a password or more was shown
    factors    INTEGER NOT NULL, -- how many ways were shown that it is them
    ended_us   INTEGER,
    ended_why  TEXT,
    revision   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_of ON sessions (account);
CREATE INDEX sessions_changed ON sessions (revision);

-- What one team lets another see.
CREATE TABLE shares (
    share    TEXT    PRIMARY KEY,
    team     TEXT    NOT NULL, -- whose it is
    with_team TEXT   NOT NULL,
    what     TEXT    NOT NULL, -- tracking, biometrics
    made_us  INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    ended_us INTEGER,
    revision INTEGER NOT NULL
) WITHOUT ROWID;

-- Keys that sign tokens and checkpoints; newest signs, those before it still verify.
CREATE TABLE signing_keys (
    kid        TEXT    PRIMARY KEY,
    sealed     TEXT    NOT NULL,
    public_key TEXT    NOT NULL,
    made_us    INTEGER NOT NULL,
    revision   INTEGER NOT NULL
) WITHOUT ROWID;

-- Guesses that failed, by whom or where from.
CREATE TABLE guesses (
    subject   TEXT    PRIMARY KEY,
    failures  INTEGER NOT NULL,
    newest_us INTEGER NOT NULL
) WITHOUT ROWID;

-- Append only: entry n is leaf n of the Merkle tree (RFC 6962, from 0) whose heads are signed.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    entry  TEXT    NOT NULL -- the very bytes of the leaf
);
-- Hashes of whole subtrees: level 0 are leaves, place counts from 0 in each.
CREATE TABLE audit_nodes (
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash  TEXT    NOT NULL,
    PRIMARY KEY (level, place)
) WITHOUT ROWID;
CREATE TABLE audit_checkpoints (
    size   INTEGER PRIMARY KEY,
    signed TEXT    NOT NULL
);
