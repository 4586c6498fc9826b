-- Which player states lie in the lake, as files in the objects.

-- Of each game, the newest chunk that lies there.
CREATE TABLE lake_games (
    game          INTEGER PRIMARY KEY,
    chunks_offset INTEGER NOT NULL
);

CREATE TABLE lake_files (
    name        TEXT    PRIMARY KEY, -- below the objects' own address
    game        INTEGER NOT NULL,
    state       TEXT    NOT NULL, -- writing, kept, removing
    row_count   INTEGER NOT NULL,
    byte_count  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX lake_files_of_game ON lake_files (game);

-- No chunk up to here waits for the lake: where the search for those that do begins.
CREATE TABLE lake_progress (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    chunks_offset INTEGER NOT NULL
);
