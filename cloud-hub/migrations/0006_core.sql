-- What people change at the hub: facts born here beside those the boxes send, and the read tables made from them.

-- One row a change. Streams count from 1 without holes: `(stream, sequence)` is what a writer expects to be next.
CREATE TABLE hub_events (
    place    INTEGER PRIMARY KEY AUTOINCREMENT,
    stream   TEXT    NOT NULL, -- whom it is about: 'team/oaks', 'corrections/2024020001'
    sequence INTEGER NOT NULL,
    at_us    INTEGER NOT NULL, -- when it was taken, microseconds UTC
    author   TEXT    NOT NULL, -- who did it; empty while nobody is asked
    payload  TEXT    NOT NULL, -- JSON with its version and kind
    UNIQUE (stream, sequence)
);

-- The newest state of teams, players, venues, rosters and scheduled games. Made from hub_events alone.
CREATE TABLE resources (
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    sequence   INTEGER NOT NULL, -- of its stream: the strong ETag
    updated_us INTEGER NOT NULL,
    payload    TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- By what resources are found: (game, team, oaks), (game, venue, oak). Made with them.
CREATE TABLE resource_links (
    kind  TEXT NOT NULL,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    id    TEXT NOT NULL,
    PRIMARY KEY (kind, name, value, id)
) WITHOUT ROWID;
CREATE INDEX resource_links_of ON resource_links (kind, id);

-- Answers to writes that came with a key: the same request again gets the same answer and changes nothing.
CREATE TABLE idempotency_keys (
    name    TEXT    PRIMARY KEY,
    request TEXT    NOT NULL, -- what was asked with it: another request with the same key is refused
    answer  TEXT    NOT NULL,
    at_us   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (at_us);

-- Skating: made from track_chunks alone, one row a game.
CREATE TABLE skating_rows (
    game    INTEGER PRIMARY KEY,
    payload TEXT    NOT NULL
);
CREATE TABLE skating_progress (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    version      INTEGER NOT NULL,
    tracks_place INTEGER NOT NULL
);

-- Up to which place of hub_events corrections are in the read tables.
CREATE TABLE corrections_progress (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    hub_place INTEGER NOT NULL
);
