-- Forgets limits, unique keys, turns, expiries, schedules and the inbox. All jobs stay: what waited for a limit is due.
DROP VIEW offload_jobs;
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed)
SELECT queue, priority % 10, coalesce(due_at, run_at), id, attempt, failures, uses, started_at, closer, closed FROM offload_blocked WHERE waits = 2;
DELETE FROM offload_blocked WHERE waits = 2;
UPDATE offload_due SET priority = priority - 10, run_at = due_at WHERE priority >= 10;
UPDATE offload_due SET uses = uses & 63 WHERE uses > 63;
UPDATE offload_blocked SET uses = uses & 63 WHERE uses > 63;
UPDATE offload_lease SET uses = uses & 63 WHERE uses > 63;
UPDATE offload_done SET uses = uses & 63 WHERE uses > 63;
DROP TABLE offload_inbox;
DROP TABLE offload_schedule;
DROP TABLE offload_expiry;
DROP TABLE offload_turn;
DROP TABLE offload_unique;
DROP TABLE offload_gate;
DROP TABLE offload_hold;
DROP TABLE offload_limit;
DROP TABLE offload_front;
DROP TABLE offload_line;
ALTER TABLE offload_blocked DROP COLUMN due_at;
ALTER TABLE offload_due DROP COLUMN due_at;
ALTER TABLE offload_job DROP COLUMN terms;

-- All jobs, for people: SELECT * FROM offload_jobs WHERE state = 'discarded'.
CREATE VIEW offload_jobs AS
SELECT lower(hex(j.id)) AS id, j.task, j.queue, p.state, j.priority, p.attempt, p.failures, j.max_attempts,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.run_at / 1e6, 'unixepoch') AS run_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', j.created_at / 1e6, 'unixepoch') AS created_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.started_at / 1e6, 'unixepoch') AS started_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', p.finished_at / 1e6, 'unixepoch') AS finished_at,
       (SELECT CASE name WHEN '' THEN '' ELSE name || '@' END || host || '/' || pid FROM offload_process WHERE number = p.process) AS process,
       (SELECT error FROM offload_failure WHERE id = j.id ORDER BY attempt DESC LIMIT 1) AS error,
       j.tags, CAST(j.input AS TEXT) AS input, CAST(r.result AS TEXT) AS result
FROM (
    SELECT id, attempt, failures, run_at, started_at, NULL AS finished_at, NULL AS process,
           CASE WHEN run_at <= unixepoch('subsec') * 1e6 THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
    FROM offload_due
    UNION ALL
    SELECT id, attempt, failures, run_at, started_at, NULL, NULL, 'blocked' FROM offload_blocked
    UNION ALL
    SELECT id, attempt, failures, run_at, started_at, NULL, process, 'running' FROM offload_lease
    UNION ALL
    SELECT id, attempt, failures, run_at, started_at, finished_at, NULL,
           CASE state WHEN 1 THEN 'completed' WHEN 2 THEN 'discarded' WHEN 3 THEN 'cancelled' ELSE 'expired' END
    FROM offload_done WHERE state < 5
) AS p
JOIN offload_job AS j ON j.id = p.id
LEFT JOIN offload_result AS r ON r.id = j.id;
