-- What is personal lies sealed: keys for that, each wrapped by the root key, which is in no table.

CREATE TABLE data_keys (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT    NOT NULL, -- whom it is about: 'player/oaks-9', 'wearer/oak-box-1/17/20411', 'hub'
    root    TEXT    NOT NULL, -- the name of the root key that wraps it
    wrapped BLOB    NOT NULL,
    made_us INTEGER NOT NULL  -- microseconds UTC
);
CREATE INDEX data_keys_of_subject ON data_keys (subject, number);

-- A reading of what somebody wears stands here, and 0 in `value`.
ALTER TABLE telemetry ADD COLUMN sealed TEXT;
