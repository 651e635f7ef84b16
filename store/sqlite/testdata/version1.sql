-- Statements of programs that know version 1 only, each behind its name. They go on to work the newest schema.

-- name: act_delete
UPDATE offload_job
SET task = '', queue = '', priority = 0, created_at = 0, max_attempts = 0, timeout = 0, give_up_after = 0, retain = 0, tags = NULL, input = NULL
WHERE id = ?1

-- name: act_edit
UPDATE offload_job
SET queue = coalesce(?2, queue), priority = coalesce(?3, priority), input = CASE WHEN ?4 THEN ?5 ELSE input END
WHERE id = ?1

-- name: claim
SELECT d.run_at, d.id, d.attempt + 1, d.failures,
       CASE WHEN d.uses & 1 THEN (SELECT n FROM offload_crash WHERE id = d.id AND last_at >= ?5) END,
       j.task, j.created_at, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.tags,
       length(j.input) > 4096, CASE WHEN length(j.input) <= 4096 THEN j.input END
FROM offload_due AS d CROSS JOIN offload_job AS j ON j.id = d.id
WHERE d.queue = ?1 AND d.priority = ?2 AND d.run_at <= ?3
ORDER BY d.run_at, d.id LIMIT ?4

-- name: claim_blocked
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at, closer, closed, gate)
SELECT id, ?2, attempt + 1, failures, uses, run_at, ?3, closer, closed, gate FROM offload_blocked WHERE id = ?1

-- name: claim_due
DELETE FROM offload_due WHERE queue = ?1 AND priority = ?2 AND (run_at, id) <= (?3, ?4)

-- name: claim_lease
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at, closer, closed, gate)
SELECT id, ?5, attempt + 1, failures, uses, run_at, ?6, closer, closed, gate FROM offload_due
WHERE queue = ?1 AND priority = ?2 AND (run_at, id) <= (?3, ?4)

-- name: claim_parked
SELECT d.priority, d.run_at, d.id, d.attempt + 1, d.failures,
       CASE WHEN d.uses & 1 THEN (SELECT n FROM offload_crash WHERE id = d.id AND last_at >= ?6) END,
       j.task, j.created_at, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.tags,
       length(j.input) > 4096, CASE WHEN length(j.input) <= 4096 THEN j.input END
FROM offload_blocked AS d CROSS JOIN offload_job AS j ON j.id = d.id
WHERE d.queue = ?1 AND d.waits = ?2 AND d.task = ?3 AND d.run_at <= ?4
ORDER BY d.priority, d.run_at, d.id LIMIT ?5

-- name: control_record
REPLACE INTO offload_record (id, at, who, what, filter, jobs, job) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)

-- name: control_records
SELECT id, at, who, what, filter, jobs, job FROM offload_record WHERE at >= ?1 ORDER BY at DESC, id DESC LIMIT 1000

-- name: control_register
INSERT INTO offload_task (name, queue, rules, schema, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO UPDATE SET queue = excluded.queue, rules = excluded.rules, schema = excluded.schema, seen_at = excluded.seen_at

-- name: count_ended
SELECT state, count(*) FROM offload_done WHERE id > ?1 AND id <= ?2 AND state < 5 AND uses & 32 = 0 GROUP BY state

-- name: count_waiting
SELECT (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at <= ?3 LIMIT ?4)),
       (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at > ?3 AND failures > 0 LIMIT ?4)),
       (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at > ?3 AND failures = 0 LIMIT ?4))

-- name: figures
SELECT minute, task, queue, outcome, n, wait, run FROM offload_figure
WHERE minute >= ?1 AND minute < ?2
  AND (?3 IS NULL OR task IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR queue IN (SELECT value FROM json_each(?4)))

-- name: figures_add
REPLACE INTO offload_figure (minute, task, queue, outcome, n, wait, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)

-- name: finish_done
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, closer, closed, retain)
SELECT id, 1, attempt, failures, uses | ?5, run_at, started_at, ?4, process, attempt, ?6 FROM offload_lease
WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND process = ?2 AND attempt = ?3 AND uses & 3 = 0

-- name: finish_failure
INSERT INTO offload_failure (id, attempt, error, kind, stack, process, started_at, failed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)

-- name: finish_held
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT id FROM offload_lease
WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND process = ?2 AND attempt = ?3 AND uses & 3 = 0

-- name: finish_lease
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
DELETE FROM offload_lease
WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND process = ?2 AND attempt = ?3 AND uses & 3 = 0

-- name: insert_due
INSERT INTO offload_due (queue, priority, run_at, id, uses)
VALUES (?1, ?2, ?3, ?4, ?5)

-- name: insert_fresh
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT j.id FROM n CROSS JOIN offload_job AS j ON j.id = substr(?1, n.i, 16)
WHERE NOT EXISTS (SELECT 1 FROM offload_due WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_lease WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_blocked WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_done WHERE id = j.id)

-- name: insert_job
INSERT INTO offload_job (id, task, queue, priority, created_at, max_attempts, timeout, give_up_after, retain, tags, input)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING

-- name: look_blocked
SELECT b.queue, b.waits, b.task,
       EXISTS (SELECT 1 FROM offload_blocked WHERE queue = b.queue AND waits = b.waits AND task = b.task AND run_at <= ?4)
FROM offload_blocked AS b
WHERE (b.queue, b.waits, b.task) > (?1, ?2, ?3)
ORDER BY b.queue, b.waits, b.task LIMIT 1

-- name: look_cancel
SELECT s.id FROM offload_signal AS s CROSS JOIN offload_lease AS l ON l.id = s.id
WHERE l.process = ?1 ORDER BY s.id

-- name: look_lane
SELECT queue, priority, run_at FROM offload_due
WHERE (queue, priority) > (?1, ?2)
ORDER BY queue, priority, run_at, id LIMIT 1

-- name: member_beat
UPDATE offload_process SET beats = beats + 1, beat_at = ?6, queues = ?2, running = ?3, memory = ?4, stuck = ?5
WHERE id = ?1 AND gone_at IS NULL

-- name: member_join
INSERT INTO offload_process (number, id, name, host, pid, version, queues, running, memory, stuck, started_at, beat_at, beats, quiet, stop)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, 0, 0, 0)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, host = excluded.host, pid = excluded.pid, version = excluded.version,
    queues = excluded.queues, running = excluded.running, memory = excluded.memory, stuck = excluded.stuck,
    started_at = excluded.started_at, beat_at = excluded.beat_at, beats = beats + 1, quiet = 0, stop = 0, gone_at = NULL

-- name: member_peers
SELECT id, beats FROM (SELECT 0 AS turn, id, beats FROM offload_process WHERE id > ?1 AND gone_at IS NULL ORDER BY id LIMIT ?2)
UNION ALL
SELECT id, beats FROM (SELECT 1 AS turn, id, beats FROM offload_process WHERE id < ?1 AND gone_at IS NULL ORDER BY id LIMIT ?2)
LIMIT ?2

-- name: member_processes
SELECT id, name, host, pid, version, queues, running, memory, stuck, started_at, beat_at, beats, quiet, stop
FROM offload_process WHERE gone_at IS NULL ORDER BY id

-- name: place
SELECT 1, NULL AS process, attempt, failures, uses, run_at, started_at, closer, closed, 0 AS state FROM offload_due WHERE id = ?1
UNION ALL
SELECT 2, process, attempt, failures, uses, run_at, started_at, closer, closed, 0 FROM offload_lease WHERE id = ?1
UNION ALL
SELECT 3, NULL, attempt, failures, uses, run_at, started_at, closer, closed, 0 FROM offload_blocked WHERE id = ?1
UNION ALL
SELECT 4, NULL, attempt, failures, uses, run_at, started_at, closer, closed, state FROM offload_done WHERE id = ?1

-- name: place_put_blocked
INSERT INTO offload_blocked (queue, waits, task, priority, run_at, id, attempt, failures, uses, started_at, closer, closed)
SELECT queue, ?9, CASE WHEN ?9 = 0 THEN task ELSE '' END, priority, ?2, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM offload_job WHERE id = ?1
RETURNING queue, priority

-- name: place_put_done
INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, closer, closed, retain)
SELECT id, ?9, ?3, ?4, ?5, ?2, ?6, ?10, ?7, ?8, nullif(retain, 0) FROM offload_job WHERE id = ?1
RETURNING '', 0

-- name: place_put_due
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed)
SELECT queue, priority, ?2, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM offload_job WHERE id = ?1
RETURNING queue, priority

-- name: place_take_lease
DELETE FROM offload_lease WHERE id = ?1 AND process = ?2 AND attempt = ?3
RETURNING 2, process, attempt, failures, uses, run_at, started_at, closer, closed, 0

-- name: prune_done
DELETE FROM offload_done WHERE id = ?1 AND finished_at <= ?2 RETURNING uses

-- name: prune_due
SELECT id, state < 5 FROM offload_done
WHERE id > ?1 AND id <= ?2
  AND finished_at + CASE WHEN state = 5 THEN ?8
                         ELSE max(?8, coalesce(retain, CASE state WHEN 1 THEN ?5 WHEN 2 THEN ?6 ELSE ?7 END)) END <= ?3
ORDER BY id LIMIT ?4

-- name: reap
SELECT l.id, 2, l.process, l.attempt, l.failures, l.uses, l.run_at, l.started_at, l.closer, l.closed, 0
FROM offload_lease AS l LEFT JOIN offload_process AS p ON p.number = l.process
WHERE p.number IS NULL OR p.gone_at IS NOT NULL
LIMIT ?1

-- name: start
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at)
SELECT ?1, number, 1, 0, ?4, ?3, ?3 FROM offload_process
WHERE number = ?2 AND gone_at IS NULL AND NOT quiet AND NOT stop
  AND NOT EXISTS (SELECT 1 FROM offload_queue WHERE name = ?5)
  AND NOT EXISTS (SELECT 1 FROM offload_task WHERE name = ?6 AND paused)
