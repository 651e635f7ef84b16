-- The newest schema, as all migrations leave it. `go test -update` writes it.

CREATE TABLE offload_blocked (
    queue      TEXT    NOT NULL,
    waits      INTEGER NOT NULL, -- 0 for a process that knows its task, 1 to run alone as a suspect
    task       TEXT    NOT NULL, -- '' where it does not matter
    priority   INTEGER NOT NULL,
    run_at     INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE,
    attempt    INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    started_at INTEGER,
    closer     INTEGER,
    closed     INTEGER,
    gate       BLOB, due_at INTEGER,
    PRIMARY KEY (queue, waits, task, priority, run_at, id)
) WITHOUT ROWID;

CREATE TABLE offload_crash (
    id      BLOB    NOT NULL PRIMARY KEY,
    n       INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE offload_document (
    kind       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL, -- goes up with the clock, also over a delete
    at         INTEGER NOT NULL,
    expires_at INTEGER,
    value      BLOB    NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE offload_done (
    id          BLOB    NOT NULL PRIMARY KEY,
    state       INTEGER NOT NULL, -- 1 completed, 2 discarded, 3 cancelled, 4 expired, 5 deleted
    attempt     INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    uses        INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER NOT NULL,
    closer      INTEGER,
    closed      INTEGER,
    retain      INTEGER           -- how long it is kept; NULL is the default of its state
) WITHOUT ROWID;

CREATE TABLE offload_due (
    queue      TEXT    NOT NULL,
    priority   INTEGER NOT NULL,
    run_at     INTEGER NOT NULL,
    id         BLOB    NOT NULL UNIQUE,
    attempt    INTEGER NOT NULL DEFAULT 0, -- starts so far: the fence, never lowered
    failures   INTEGER NOT NULL DEFAULT 0,
    uses       INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,                    -- of the last attempt
    closer     INTEGER,
    closed     INTEGER,
    gate       BLOB, due_at INTEGER,                       -- the limit that it passed; for later
    PRIMARY KEY (queue, priority, run_at, id)
) WITHOUT ROWID;

CREATE TABLE offload_duty (
    name    TEXT    NOT NULL PRIMARY KEY,
    next_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE offload_edge (
    down      BLOB    NOT NULL, -- the job that waits; or a batch, for a job that stands in for a member
    stand     INTEGER NOT NULL, -- needed: 0 open, 1 met, 2 can't be met; one of several: 3 open, 4 met, 5 can't be met; 6 a member
    up        BLOB    NOT NULL, -- its upstream
    n         INTEGER NOT NULL, -- its place among the edges of down
    wants     INTEGER NOT NULL, -- 1 completed, 2 ended, 3 failed; 0 a member
    otherwise INTEGER NOT NULL, -- when it can't be met: 0 cancel, 1 hold
    state     INTEGER NOT NULL, -- of the upstream as offload_done has it, 0 has not ended, 6 a batch of which a member is discarded
    PRIMARY KEY (down, stand, up, n)
) WITHOUT ROWID;

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

CREATE TABLE offload_error_hour (
    error TEXT    NOT NULL,
    hour  INTEGER NOT NULL, -- since 1970
    count INTEGER NOT NULL,
    PRIMARY KEY (error, hour)
) WITHOUT ROWID;

CREATE TABLE offload_expiry (
    at INTEGER NOT NULL,
    id BLOB    NOT NULL, -- of a job that waits and has not begun
    PRIMARY KEY (at, id)
) WITHOUT ROWID;

CREATE TABLE offload_failure (
    id         BLOB    NOT NULL,
    attempt    INTEGER NOT NULL,
    error      TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    stack      TEXT    NOT NULL,
    process    TEXT    NOT NULL, -- as people know it
    started_at INTEGER NOT NULL,
    failed_at  INTEGER NOT NULL, cause TEXT,
    PRIMARY KEY (id, attempt)
) WITHOUT ROWID;

CREATE TABLE offload_figure (
    minute  INTEGER NOT NULL, -- since 1970
    task    TEXT    NOT NULL,
    queue   TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    n       INTEGER NOT NULL,
    wait    BLOB    NOT NULL, -- histograms: pairs of varints, buckets passed over and count
    run     BLOB    NOT NULL,
    PRIMARY KEY (minute, task, queue, outcome)
) WITHOUT ROWID;

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

CREATE TABLE offload_front (
    gate   TEXT    NOT NULL PRIMARY KEY,
    spot   BLOB,            -- NULL for a moment: nobody waits any more
    passed INTEGER NOT NULL -- so many at most are before it in the line
) WITHOUT ROWID;

CREATE TABLE offload_gate (
    id           TEXT NOT NULL PRIMARY KEY,
    full_at      INTEGER, -- with per: when all starts of the burst are there again
    paused_until INTEGER,
    stops        BLOB,    -- strict: the job that was discarded
    wake_at      INTEGER  -- when somebody who waits may have room
) WITHOUT ROWID;

CREATE TABLE offload_hold (
    gate   TEXT    NOT NULL,
    id     BLOB    NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (gate, id)
) WITHOUT ROWID;

CREATE TABLE offload_inbox (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task    TEXT    NOT NULL,
    input   TEXT, -- JSON
    options TEXT, -- JSON
    at      INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    error   TEXT  -- why it is no job; NULL: it was not looked at yet
);

CREATE TABLE offload_job (
    id            BLOB    NOT NULL PRIMARY KEY, -- UUIDv7
    task          TEXT    NOT NULL,             -- '' once the job was deleted: its id is kept for a while
    queue         TEXT    NOT NULL,
    priority      INTEGER NOT NULL,             -- 0 first, 9 last
    created_at    INTEGER NOT NULL,
    max_attempts  INTEGER NOT NULL,
    timeout       INTEGER NOT NULL,
    give_up_after INTEGER NOT NULL,
    retain        INTEGER NOT NULL,
    tags          TEXT,                         -- JSON object
    input         BLOB                          -- last, since what lies behind a long value is slow to reach
, terms TEXT) WITHOUT ROWID;

CREATE TABLE offload_lease (
    id         BLOB    NOT NULL PRIMARY KEY,
    process    INTEGER NOT NULL, -- offload_process.number
    attempt    INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    run_at     INTEGER NOT NULL, -- when it became due
    started_at INTEGER NOT NULL, -- when it was claimed
    closer     INTEGER,
    closed     INTEGER,
    gate       BLOB
) WITHOUT ROWID;

CREATE TABLE offload_limit (
    name      TEXT    NOT NULL PRIMARY KEY,
    max       INTEGER NOT NULL, -- jobs at once, or with per, starts in that time
    per       INTEGER NOT NULL,
    burst     INTEGER NOT NULL,
    when_full TEXT    NOT NULL,
    strict    INTEGER NOT NULL,
    hand      INTEGER,          -- max by a person; NULL is none
    seen_at   INTEGER NOT NULL  -- when a program last made it known
) WITHOUT ROWID;

CREATE TABLE offload_line (
    gate TEXT NOT NULL,
    spot BLOB NOT NULL,
    PRIMARY KEY (gate, spot)
) WITHOUT ROWID;

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

CREATE TABLE offload_mark (
    id BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE offload_member (
    batch BLOB    NOT NULL,
    state INTEGER NOT NULL, -- as offload_done has it, 0 has not ended
    id    BLOB    NOT NULL,
    PRIMARY KEY (batch, state, id)
) WITHOUT ROWID;

CREATE TABLE offload_memo (
    id      BLOB    NOT NULL,
    name    TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    data    BLOB    NOT NULL,
    PRIMARY KEY (id, name)
) WITHOUT ROWID;

CREATE TABLE offload_meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value
) WITHOUT ROWID;

CREATE TABLE offload_migration (
    version    INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
);

CREATE TABLE offload_process (
    number     INTEGER NOT NULL PRIMARY KEY, -- never given twice
    id         BLOB    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    version    TEXT    NOT NULL,
    queues     TEXT    NOT NULL, -- JSON object: concurrency of each
    running    INTEGER NOT NULL,
    memory     INTEGER NOT NULL,
    stuck      TEXT    NOT NULL, -- JSON array of ids
    started_at INTEGER NOT NULL,
    beat_at    INTEGER NOT NULL,
    beats      INTEGER NOT NULL,
    quiet      INTEGER NOT NULL,
    stop       INTEGER NOT NULL,
    gone_at    INTEGER           -- when it left or was declared lost
);

CREATE TABLE offload_progress (
    id         BLOB    NOT NULL PRIMARY KEY,
    attempt    INTEGER NOT NULL, -- an earlier attempt's is not shown
    done       INTEGER NOT NULL,
    total      INTEGER NOT NULL,
    note       TEXT    NOT NULL,
    written_at INTEGER NOT NULL
, rate REAL NOT NULL DEFAULT 0) WITHOUT ROWID;

CREATE TABLE offload_queue (
    name TEXT NOT NULL PRIMARY KEY -- of a paused queue
) WITHOUT ROWID;

CREATE TABLE offload_record (
    id     BLOB    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    filter BLOB,
    jobs   INTEGER NOT NULL,
    job    BLOB
) WITHOUT ROWID;

CREATE TABLE offload_result (
    id     BLOB NOT NULL PRIMARY KEY,
    result BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE offload_schedule (
    name        TEXT    NOT NULL PRIMARY KEY,
    spec        BLOB,
    in_code     INTEGER NOT NULL,
    next_at     INTEGER,          -- NULL is never again
    paused      INTEGER NOT NULL DEFAULT 0,
    declared_at INTEGER,          -- when a program last declared it; NULL: it was made at run time
    last_at     INTEGER,
    last_job    BLOB
) WITHOUT ROWID;

CREATE TABLE offload_signal (
    id BLOB NOT NULL PRIMARY KEY -- of a running job that somebody has cancelled
) WITHOUT ROWID;

CREATE TABLE offload_task (
    name    TEXT    NOT NULL PRIMARY KEY,
    queue   TEXT    NOT NULL,
    rules   BLOB,
    schema  BLOB,
    paused  INTEGER NOT NULL DEFAULT 0,
    seen_at INTEGER          -- when a process last registered it; NULL: only its pause is known
) WITHOUT ROWID;

CREATE TABLE offload_turn (
    queue    TEXT    NOT NULL,
    priority INTEGER NOT NULL, -- 10 to 19
    key      TEXT    NOT NULL,
    end_at   INTEGER NOT NULL, -- of its last turn, in hundredths of a microsecond
    PRIMARY KEY (queue, priority, key)
) WITHOUT ROWID;

CREATE TABLE offload_unique (
    key        TEXT NOT NULL PRIMARY KEY, -- task and key, with the character 31 between them
    id         BLOB NOT NULL,             -- of the job that holds it, which may be long gone
    until      TEXT NOT NULL,             -- "ended", "started", "never"; '' for a time
    expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE offload_workers (
    queue   TEXT    NOT NULL PRIMARY KEY, -- that an operator has set them for
    workers INTEGER NOT NULL              -- of each process
) WITHOUT ROWID;

CREATE INDEX offload_document_expires ON offload_document (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX offload_done_state ON offload_done (state, id) WHERE state > 1;

CREATE INDEX offload_edge_up ON offload_edge (up, state);

CREATE INDEX offload_error_last ON offload_error (last_at, id);

CREATE INDEX offload_error_hour_at ON offload_error_hour (hour);

CREATE INDEX offload_failure_cause ON offload_failure (cause, id) WHERE cause IS NOT NULL;

CREATE INDEX offload_failure_new ON offload_failure (failed_at) WHERE cause IS NULL AND kind <> 'after';

CREATE INDEX offload_front_none ON offload_front (gate) WHERE spot IS NULL;

CREATE INDEX offload_gate_paused ON offload_gate (paused_until) WHERE paused_until IS NOT NULL;

CREATE INDEX offload_gate_stops ON offload_gate (stops) WHERE stops IS NOT NULL;

CREATE INDEX offload_gate_wake ON offload_gate (wake_at) WHERE wake_at IS NOT NULL;

CREATE INDEX offload_inbox_new ON offload_inbox (id) WHERE error IS NULL;

CREATE INDEX offload_job_flow ON offload_job (terms ->> '$.flow', id) WHERE terms ->> '$.flow' IS NOT NULL;

CREATE INDEX offload_job_task ON offload_job (task, id);

CREATE INDEX offload_schedule_next ON offload_schedule (next_at) WHERE next_at IS NOT NULL AND NOT paused;

CREATE INDEX offload_unique_expires ON offload_unique (expires_at) WHERE expires_at IS NOT NULL;

CREATE VIEW offload_jobs AS
SELECT lower(hex(j.id)) AS id, j.task, j.queue, p.state, j.priority, p.attempt, p.failures, j.max_attempts,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.run_at / 1e6, 'unixepoch') AS run_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', j.created_at / 1e6, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.started_at / 1e6, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.finished_at / 1e6, 'unixepoch') AS finished_at,
       (SELECT CASE name WHEN '' THEN '' ELSE name || '@' END || host || '/' || pid FROM offload_process WHERE number = p.process) AS process,
       (SELECT error FROM offload_failure WHERE id = j.id ORDER BY attempt DESC LIMIT 1) AS error,
       j.tags, CAST(j.input AS TEXT) AS input, CAST(r.result AS TEXT) AS result, j.terms,
       replace(p.gate, char(31), ' ') AS "limit"
FROM (
    SELECT id, attempt, failures, coalesce(due_at, run_at) AS run_at, started_at, NULL AS finished_at, NULL AS process,
           CASE WHEN run_at <= unixepoch('subsec') * 1e6 THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state,
           NULL AS gate
    FROM offload_due
    UNION ALL
    SELECT id, attempt, failures, coalesce(due_at, run_at), started_at, NULL, NULL, 'blocked', gate FROM offload_blocked
    UNION ALL
    SELECT id, attempt, failures, run_at, started_at, NULL, process, 'running', NULL FROM offload_lease
    UNION ALL
    SELECT id, attempt, failures, run_at, started_at, finished_at, NULL,
           CASE state WHEN 1 THEN 'completed' WHEN 2 THEN 'discarded' WHEN 3 THEN 'cancelled' ELSE 'expired' END, NULL
    FROM offload_done WHERE state < 5
) AS p
JOIN offload_job AS j ON j.id = p.id
LEFT JOIN offload_result AS r ON r.id = j.id;

