-- The heart: a job is a fact in job, and lies in exactly one of due, lease, blocked and done.
-- The side tables hold what plain jobs don't need; "uses" says which of them a job has:
--   1 its cancel was signalled (in lease)
--   2 the attempt, in lease the one before it, was finished by its own process
--   4 failures   8 a result   16 a crash   32 it is of offload's own queue   64 progress
-- Durations are nanoseconds, as in Go.

-- What was asked. Written once; only an edit changes it, and a delete empties it.
CREATE TABLE offload.job (
    id            uuid        PRIMARY KEY,
    created_at    timestamptz NOT NULL,
    timeout       bigint      NOT NULL,
    give_up_after bigint      NOT NULL,
    retain        bigint      NOT NULL,
    max_attempts  integer     NOT NULL,
    priority      smallint    NOT NULL,
    queue         text        NOT NULL,
    task          text        NOT NULL,
    input         bytea       NOT NULL,
    tags          jsonb
);

-- When it should run next.
CREATE TABLE offload.due (
    id         uuid        NOT NULL,
    run_at     timestamptz NOT NULL,
    started_at timestamptz,
    attempt    integer     NOT NULL,
    failures   integer     NOT NULL,
    priority   smallint    NOT NULL,
    uses       smallint    NOT NULL,
    queue      text        NOT NULL,
    gate       text,
    PRIMARY KEY (queue, priority, run_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE UNIQUE INDEX due_id ON offload.due (id);

-- Which process runs it now. Never partitioned: rows are deleted by their place in the table.
CREATE TABLE offload.lease (
    id         uuid        PRIMARY KEY,
    process    uuid        NOT NULL,
    run_at     timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    attempt    integer     NOT NULL,
    failures   integer     NOT NULL,
    uses       smallint    NOT NULL,
    gate       text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);

-- What waits for something other than time: for a process that knows its task, or, as a
-- suspect, for one that runs it alone.
CREATE TABLE offload.blocked (
    id         uuid        PRIMARY KEY,
    run_at     timestamptz NOT NULL,
    started_at timestamptz,
    attempt    integer     NOT NULL,
    failures   integer     NOT NULL,
    priority   smallint    NOT NULL,
    uses       smallint    NOT NULL,
    suspect    boolean     NOT NULL,
    queue      text        NOT NULL,
    task       text        NOT NULL,
    gate       text
);
CREATE INDEX blocked_turn ON offload.blocked (suspect, queue, task, priority, run_at, id);

-- How it ended: 0 completed, 1 discarded, 2 cancelled, 3 expired, 9 deleted (kept for a while,
-- so that the same insert again makes no second job).
CREATE TABLE offload.done (
    id          uuid        PRIMARY KEY,
    keep_until  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    run_at      timestamptz NOT NULL,
    started_at  timestamptz,
    attempt     integer     NOT NULL,
    failures    integer     NOT NULL,
    outcome     smallint    NOT NULL,
    uses        smallint    NOT NULL
);
-- A completed job, the usual end, costs this index nothing.
CREATE INDEX done_otherwise ON offload.done (outcome, id) WHERE outcome <> 0;

CREATE TABLE offload.failure (
    id         uuid        NOT NULL,
    attempt    integer     NOT NULL,
    started_at timestamptz NOT NULL,
    failed_at  timestamptz NOT NULL,
    process    text        NOT NULL,
    kind       text        NOT NULL,
    error      text        NOT NULL,
    stack      text        NOT NULL,
    PRIMARY KEY (id, attempt)
);

CREATE TABLE offload.result (
    id     uuid  PRIMARY KEY,
    result bytea NOT NULL
);

-- How often its process was lost while it held the job.
CREATE TABLE offload.crash (
    id   uuid        PRIMARY KEY,
    n    integer     NOT NULL,
    last timestamptz NOT NULL
);

-- Jobs whose attempt shall end, and not be followed by another one.
CREATE TABLE offload.signal (
    id uuid PRIMARY KEY
);

CREATE TABLE offload.progress (
    id      uuid        PRIMARY KEY,
    attempt integer     NOT NULL,
    done    bigint      NOT NULL,
    total   bigint      NOT NULL,
    at      timestamptz NOT NULL,
    note    text        NOT NULL
) WITH (fillfactor = 70);

-- Small rows that change often keep half of their page free, so that no index has to know.
CREATE TABLE offload.process (
    id         uuid        PRIMARY KEY,
    started_at timestamptz NOT NULL,
    beat_at    timestamptz NOT NULL,
    beats      bigint      NOT NULL DEFAULT 0,
    memory     bigint      NOT NULL,
    pid        bigint      NOT NULL,
    running    integer     NOT NULL,
    quiet      boolean     NOT NULL DEFAULT false,
    stop       boolean     NOT NULL DEFAULT false,
    lost       boolean     NOT NULL DEFAULT false,
    asleep     boolean     NOT NULL DEFAULT false,
    name       text        NOT NULL,
    host       text        NOT NULL,
    version    text        NOT NULL,
    label      text        NOT NULL,
    queues     jsonb       NOT NULL,
    stuck      uuid[]      NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- What is known of a queue beside its jobs. The epoch rises when a job is put back in front of
-- others, so that claims look there.
CREATE TABLE offload.queue (
    name   text    PRIMARY KEY,
    epoch  bigint  NOT NULL DEFAULT 0,
    paused boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE offload.task (
    name    text    PRIMARY KEY,
    queue   text    NOT NULL DEFAULT '',
    paused  boolean NOT NULL DEFAULT false,
    seen_at timestamptz, -- null: paused, and not registered
    rules   bytea,
    schema  bytea
);

CREATE TABLE offload.record (
    id     uuid        PRIMARY KEY,
    at     timestamptz NOT NULL,
    jobs   integer     NOT NULL,
    who    text        NOT NULL,
    what   text        NOT NULL,
    filter bytea,
    job    uuid
);
CREATE INDEX record_at ON offload.record (at);

CREATE TABLE offload.duty (
    name    text        PRIMARY KEY,
    next_at timestamptz NOT NULL,
    last    uuid -- where a walk has come to
) WITH (fillfactor = 50);

-- Statistics of a minute. Each process adds to rows of its own (its id is the part), so that
-- none waits for another; a duty adds them up under the zero id.
CREATE TABLE offload.figure (
    minute  timestamptz NOT NULL,
    part    uuid        NOT NULL,
    task    text        NOT NULL,
    queue   text        NOT NULL,
    outcome text        NOT NULL,
    count   bigint      NOT NULL,
    wait    bigint[]    NOT NULL,
    run     bigint[]    NOT NULL,
    PRIMARY KEY (minute, part, task, queue, outcome)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);

-- Adds up two lists of counts, the shorter one filled up with zeros.
CREATE FUNCTION offload.add_counts(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY i) FROM unnest(a, b) WITH ORDINALITY AS u (x, y, i)
$$;

-- Makes a transaction unable to commit that would complete an attempt which is not its any more.
CREATE FUNCTION offload.refuse_lost(job uuid, attempt integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'offload: lease lost: attempt % of job % was given away, so this transaction cannot commit', attempt, job
        USING ERRCODE = 'OF001';
END
$$;

-- For people.
CREATE VIEW offload.jobs AS
SELECT p.id, j.task, j.queue, p.state, j.priority, p.attempt, p.failures, j.max_attempts,
       p.run_at, j.created_at, p.started_at, p.finished_at, p.process, j.tags,
       (SELECT f.error FROM offload.failure f WHERE f.id = p.id ORDER BY f.attempt DESC LIMIT 1) AS error,
       octet_length(j.input) AS input_size
FROM (
    SELECT id, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state,
           attempt, failures, run_at, started_at, NULL::timestamptz AS finished_at, NULL::text AS process
    FROM offload.due
    UNION ALL
    SELECT l.id, 'running', l.attempt, l.failures, l.run_at, l.started_at, NULL, coalesce(p.label, l.process::text)
    FROM offload.lease l LEFT JOIN offload.process p ON p.id = l.process
    UNION ALL
    SELECT id, 'blocked', attempt, failures, run_at, started_at, NULL, NULL FROM offload.blocked
    UNION ALL
    SELECT id, CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END,
           attempt, failures, run_at, started_at, finished_at, NULL
    FROM offload.done WHERE outcome < 9
) p JOIN offload.job j ON j.id = p.id;
