-- Read tables: made from events alone, so they may be emptied at any time and are made again.

-- How far the projections have read, and by which version of their code.
CREATE TABLE projection_progress (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    version       INTEGER NOT NULL,
    events_offset INTEGER NOT NULL
);

CREATE TABLE projection_rows (
    projection TEXT    NOT NULL, -- the file in projections/ that reads and writes them
    game       INTEGER NOT NULL,
    subject    TEXT    NOT NULL, -- whom it is about within the game; empty for the game itself
    updated_us INTEGER NOT NULL, -- capture time of the newest event in it
    payload    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (projection, game, subject)
) WITHOUT ROWID;
CREATE INDEX projection_rows_newest ON projection_rows (projection, updated_us);

-- Which event store this is: a page that comes back with offsets of another one must start anew.
CREATE TABLE event_store_epoch (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT    NOT NULL
);
INSERT INTO event_store_epoch (one, epoch) VALUES (1, lower(hex(randomblob(8))));
