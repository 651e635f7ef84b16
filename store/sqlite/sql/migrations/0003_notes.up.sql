-- What is kept of a run: its log, and what it remembers for the next attempt. More bits of "uses": 2048 a log, 4096 memos.
-- oldest program: 1

CREATE TABLE offload_log (
    id      BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    level   TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    attrs   TEXT,             -- a JSON object
    PRIMARY KEY (id, seq)
) WITHOUT ROWID;

CREATE TABLE offload_logged (
    id    BLOB    NOT NULL PRIMARY KEY,
    lines INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    ended INTEGER NOT NULL -- the last line says that the log is full
) WITHOUT ROWID;

CREATE TABLE offload_memo (
    id      BLOB    NOT NULL,
    name    TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    data    BLOB    NOT NULL,
    PRIMARY KEY (id, name)
) WITHOUT ROWID;

ALTER TABLE offload_progress ADD COLUMN rate REAL NOT NULL DEFAULT 0; -- a second, by the attempt's own estimate; 0 is not known
