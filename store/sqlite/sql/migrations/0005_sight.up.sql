-- What pages are made of: figures by the hour, documents, and failures that are alike, in groups.
-- oldest program: 1

-- Figures of minutes that are long gone.
CREATE TABLE offload_figure_hour (
    hour    INTEGER NOT NULL, -- since 1970
    task    TEXT    NOT NULL,
    queue   TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    n       INTEGER NOT NULL,
    wait    BLOB    NOT NULL, -- as in offload_figure
    run     BLOB    NOT NULL,
    PRIMARY KEY (hour, task, queue, outcome)
) WITHOUT ROWID;

CREATE INDEX offload_job_task ON offload_job (task, id); -- for lists of a task among millions of others

CREATE TABLE offload_document (
    kind       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL, -- goes up with the clock, also over a delete
    at         INTEGER NOT NULL,
    expires_at INTEGER,
    value      BLOB    NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE INDEX offload_document_expires ON offload_document (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE offload_failure ADD COLUMN cause TEXT; -- the group of it; NULL until it is grouped

CREATE INDEX offload_failure_cause ON offload_failure (cause, id) WHERE cause IS NOT NULL;
CREATE INDEX offload_failure_new ON offload_failure (failed_at) WHERE cause IS NULL AND kind <> 'after';

CREATE TABLE offload_error (
    id         TEXT    NOT NULL PRIMARY KEY, -- 16 hexadecimal digits
    task       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    sealed     INTEGER NOT NULL, -- its jobs are encrypted
    status     TEXT    NOT NULL, -- open, muted, resolved
    changed_at INTEGER,          -- when that last became another
    count      INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    job        BLOB    NOT NULL, -- that failed last
    attempt    INTEGER NOT NULL,
    keys       TEXT    NOT NULL, -- JSON: keys and tags of its jobs, with their failures
    other_keys INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX offload_error_last ON offload_error (last_at, id);

CREATE TABLE offload_error_hour (
    error TEXT    NOT NULL,
    hour  INTEGER NOT NULL, -- since 1970
    count INTEGER NOT NULL,
    PRIMARY KEY (error, hour)
) WITHOUT ROWID;

CREATE INDEX offload_error_hour_at ON offload_error_hour (hour);

CREATE TABLE offload_workers (
    queue   TEXT    NOT NULL PRIMARY KEY, -- that an operator has set them for
    workers INTEGER NOT NULL              -- of each process
) WITHOUT ROWID;
