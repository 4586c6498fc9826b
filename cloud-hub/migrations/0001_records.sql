-- What the boxes have sent. Every sequence number below `high_water.next_sequence` stands in exactly one of events,
-- track_chunks, telemetry, losses (which may span several) or quarantine.

-- First sequence the hub does not hold, of each journal of each box. Moves in the transaction that keeps the records.
CREATE TABLE high_water (
    edge          TEXT    NOT NULL,
    epoch         INTEGER NOT NULL, -- the journal's 64 bits, as SQLite holds them: signed
    stream        TEXT    NOT NULL,
    next_sequence INTEGER NOT NULL,
    PRIMARY KEY (edge, epoch, stream)
) WITHOUT ROWID;

-- Hockey, in the order the hub took it. AUTOINCREMENT: an offset is never used twice.
CREATE TABLE events (
    offset      INTEGER PRIMARY KEY AUTOINCREMENT,
    venue       TEXT    NOT NULL,
    edge        TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    game        INTEGER NOT NULL,
    captured_us INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    payload     TEXT    NOT NULL, -- the event as JSON
    UNIQUE (edge, epoch, sequence)
);
CREATE INDEX events_of_game ON events (game, offset);

-- Player states, about a second a row, encoded as they came.
CREATE TABLE track_chunks (
    offset   INTEGER PRIMARY KEY AUTOINCREMENT,
    venue    TEXT    NOT NULL,
    edge     TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    game     INTEGER NOT NULL,
    start_us INTEGER NOT NULL,
    end_us   INTEGER NOT NULL,
    payload  BLOB    NOT NULL, -- network::encode of the record
    UNIQUE (edge, epoch, sequence)
);
CREATE INDEX track_chunks_of_game ON track_chunks (game, start_us);

CREATE TABLE telemetry (
    edge        TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    venue       TEXT    NOT NULL,
    captured_us INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    value       REAL    NOT NULL,
    PRIMARY KEY (edge, epoch, sequence)
) WITHOUT ROWID;

-- Sequence numbers that will never come, both ends included.
CREATE TABLE losses (
    edge           TEXT    NOT NULL,
    epoch          INTEGER NOT NULL,
    stream         TEXT    NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence  INTEGER NOT NULL,
    reason         TEXT    NOT NULL,
    PRIMARY KEY (edge, epoch, stream, first_sequence)
) WITHOUT ROWID;

-- Records that came whole but could not be opened: their number is counted, their bytes wait for a person.
CREATE TABLE quarantine (
    edge     TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    stream   TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    venue    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    payload  BLOB    NOT NULL,
    PRIMARY KEY (edge, epoch, stream, sequence)
);
