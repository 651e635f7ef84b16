-- What pages are made of: figures by the hour, documents, and failures that are alike, in groups.

-- Figures of minutes that are long gone.
CREATE TABLE offload.figure_hour (
    hour    timestamptz NOT NULL,
    task    text        NOT NULL,
    queue   text        NOT NULL,
    outcome text        NOT NULL,
    count   bigint      NOT NULL,
    wait    bigint[]    NOT NULL,
    run     bigint[]    NOT NULL,
    PRIMARY KEY (hour, task, queue, outcome)
);

CREATE TABLE offload.document (
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    version    bigint      NOT NULL, -- goes up with the clock, also over a delete
    at         timestamptz NOT NULL,
    expires_at timestamptz,
    value      bytea       NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX document_expires ON offload.document (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE offload.failure ADD COLUMN cause text COLLATE "C"; -- the group of it; null until it is grouped
CREATE INDEX failure_cause ON offload.failure (cause, id) WHERE cause IS NOT NULL;
CREATE INDEX failure_new ON offload.failure (failed_at) WHERE cause IS NULL AND kind <> 'after';

CREATE TABLE offload.error (
    id         text COLLATE "C" PRIMARY KEY, -- 16 hexadecimal digits
    first_at   timestamptz NOT NULL,
    last_at    timestamptz NOT NULL,
    changed_at timestamptz,          -- when the status last became another
    count      bigint      NOT NULL,
    other_keys bigint      NOT NULL,
    job        uuid        NOT NULL, -- that failed last
    attempt    integer     NOT NULL,
    sealed     boolean     NOT NULL, -- its jobs are encrypted
    status     text        NOT NULL, -- open, muted, resolved
    task       text        NOT NULL,
    kind       text        NOT NULL,
    title      text        NOT NULL,
    keys       text        NOT NULL  -- JSON: keys and tags of its jobs, with their failures
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX error_last ON offload.error (last_at, id);

CREATE TABLE offload.error_hour (
    error text COLLATE "C" NOT NULL,
    hour  bigint NOT NULL, -- since 1970
    count bigint NOT NULL,
    PRIMARY KEY (error, hour)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX error_hour_at ON offload.error_hour (hour);

ALTER TABLE offload.queue ADD COLUMN workers integer; -- of each process, where an operator has set them
