-- When a job may run, beyond its time: limits, unique keys, turns, expiries, schedules, and the inbox.
-- oldest program: 1
--
-- offload_job.terms are what was asked, as JSON (store.Terms). More bits of "uses": 64 the job has terms; 128 its limits
-- and its turn are to be decided when it is claimed, 256 and what its limit does when it is full has a say in that;
-- 512 an attempt may have begun; 1024 it expires unless one does.
--
-- A job that waits for a limit lies in offload_blocked, with task '' and waits 2; gate names the key of the limit: name and
-- key, with the character 31 between them. A job with a turn has priority 10 to 19 in due and blocked; its run_at there is
-- its turn, and due_at when it became due.

ALTER TABLE offload_job ADD COLUMN terms TEXT;
ALTER TABLE offload_due ADD COLUMN due_at INTEGER;
ALTER TABLE offload_blocked ADD COLUMN due_at INTEGER;

-- The lines of those that wait for keys of limits, and who is at the front of each. A spot is, one behind the other, the
-- priority (1 byte), run_at or turn (8), id (16), whether the job is under more than this limit (1) and the queue, so that
-- they compare as they come. What is before the front has gone through: it is taken away now and then, many at a time,
-- since each key has pages of its own.
CREATE TABLE offload_line (
    gate TEXT NOT NULL,
    spot BLOB NOT NULL,
    PRIMARY KEY (gate, spot)
) WITHOUT ROWID;

CREATE TABLE offload_front (
    gate   TEXT    NOT NULL PRIMARY KEY,
    spot   BLOB,            -- NULL for a moment: nobody waits any more
    passed INTEGER NOT NULL -- so many at most are before it in the line
) WITHOUT ROWID;

CREATE INDEX offload_front_none ON offload_front (gate) WHERE spot IS NULL;

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

-- What a job holds of a key, from when it was let through until its end, or with per, its start.
CREATE TABLE offload_hold (
    gate   TEXT    NOT NULL,
    id     BLOB    NOT NULL,
    weight INTEGER NOT NULL,
    PRIMARY KEY (gate, id)
) WITHOUT ROWID;

-- What else there is to say of a key; most have no row.
CREATE TABLE offload_gate (
    id           TEXT NOT NULL PRIMARY KEY,
    full_at      INTEGER, -- with per: when all starts of the burst are there again
    paused_until INTEGER,
    stops        BLOB,    -- strict: the job that was discarded
    wake_at      INTEGER  -- when somebody who waits may have room
) WITHOUT ROWID;

CREATE INDEX offload_gate_wake ON offload_gate (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX offload_gate_paused ON offload_gate (paused_until) WHERE paused_until IS NOT NULL;
CREATE INDEX offload_gate_stops ON offload_gate (stops) WHERE stops IS NOT NULL;

CREATE TABLE offload_unique (
    key        TEXT NOT NULL PRIMARY KEY, -- task and key, with the character 31 between them
    id         BLOB NOT NULL,             -- of the job that holds it, which may be long gone
    until      TEXT NOT NULL,             -- "ended", "started", "never"; '' for a time
    expires_at INTEGER
) WITHOUT ROWID;

CREATE INDEX offload_unique_expires ON offload_unique (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE offload_turn (
    queue    TEXT    NOT NULL,
    priority INTEGER NOT NULL, -- 10 to 19
    key      TEXT    NOT NULL,
    end_at   INTEGER NOT NULL, -- of its last turn, in hundredths of a microsecond
    PRIMARY KEY (queue, priority, key)
) WITHOUT ROWID;

CREATE TABLE offload_expiry (
    at INTEGER NOT NULL,
    id BLOB    NOT NULL, -- of a job that waits and has not begun
    PRIMARY KEY (at, id)
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

CREATE INDEX offload_schedule_next ON offload_schedule (next_at) WHERE next_at IS NOT NULL AND NOT paused;

-- Jobs that other programs ask for: INSERT INTO offload_inbox (task, input) VALUES ('greet', '"Ada"'). A number is never
-- given twice. unixepoch('subsec') is too new for the libraries of some of them.
CREATE TABLE offload_inbox (
    id      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task    TEXT    NOT NULL,
    input   TEXT, -- JSON
    options TEXT, -- JSON
    at      INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    error   TEXT  -- why it is no job; NULL: it was not looked at yet
);

CREATE INDEX offload_inbox_new ON offload_inbox (id) WHERE error IS NULL;

DROP VIEW offload_jobs;

-- All jobs, for people: SELECT * FROM offload_jobs WHERE state = 'discarded'.
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
