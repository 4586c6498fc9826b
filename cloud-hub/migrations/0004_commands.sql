-- What boxes are asked to do, and what became of it. AUTOINCREMENT: a number is never given twice, or a box would take the
-- second order for the first.
CREATE TABLE commands (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    edge       TEXT    NOT NULL,
    command    BLOB    NOT NULL, -- encoded network::Command
    words      TEXT    NOT NULL, -- the same for people
    made_us    INTEGER NOT NULL,
    until_us   INTEGER NOT NULL, -- not handed over after this
    state      TEXT    NOT NULL DEFAULT 'waiting', -- waiting, done, refused, failed, expired
    answer     TEXT    NOT NULL DEFAULT '',
    settled_us INTEGER
);
CREATE INDEX commands_waiting ON commands (edge, number) WHERE state = 'waiting';
