-- Let jobs that gave up, or wait for a retry, run at once, as if they had never failed.
--   $1 ids  $2 the input of an erased job, which stays ended  $3 whether jobs that have ended and have edges wait for them again
-- Those with limits or a turn wait in blocked until these have been decided. A batch waits for its members again.
-- (With a sum in place of run_at no plan takes due_pkey, which has both columns, and walks over all of it.)
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[]) AND run_at + interval '0' > now() AND failures > 0
    RETURNING id, run_at, started_at, attempt, uses, 'retryable' AS state, false AS heeds
), e AS (
    DELETE FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome BETWEEN 1 AND 3
      AND (SELECT input FROM offload.job WHERE job.id = done.id LIMIT 1) IS DISTINCT FROM $2::bytea
    RETURNING id, run_at, started_at, attempt, uses,
              CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state,
              $3::boolean AND (SELECT 1 FROM offload.edge AS x WHERE x.down = done.id AND x.wants < 3 LIMIT 1) IS NOT NULL AS heeds
), again AS MATERIALIZED (
    SELECT x.*, j.queue, j.priority, j.task, j.terms, x.heeds OR j.task = 'offload' || '.batch' AS waits FROM (SELECT * FROM d UNION ALL SELECT * FROM e) AS x
    CROSS JOIN LATERAL (SELECT queue, priority, task, terms FROM offload.job WHERE job.id = x.id LIMIT 1) AS j
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM e WHERE uses & 16384 <> 0
), heard AS (
    DELETE FROM offload.signal WHERE id = ANY (ARRAY (SELECT id FROM again))
), i AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
    SELECT id, clock_timestamp(), started_at, attempt, 0, priority, uses & ~512, queue FROM again WHERE uses & 256 = 0 AND NOT waits
), o AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, clock_timestamp(), started_at, attempt, 0, priority, uses & ~5632 | 512, false, queue, '', '' FROM again WHERE uses & 256 <> 0 AND NOT waits
), b AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, CASE WHEN heeds THEN run_at ELSE clock_timestamp() END, started_at, attempt, 0, priority, uses & ~5632, false, queue, '', 'after'
    FROM again WHERE waits
)
SELECT id::text, 'done', state, queue, priority::int, CASE WHEN uses & 128 <> 0 THEN task END, terms::text, NULL FROM again
UNION ALL
SELECT id::text, CASE WHEN run_at <= now() THEN 'nothing' ELSE 'refused' END,
       CASE WHEN run_at <= now() THEN 'available' ELSE 'scheduled' END, '', 0, NULL, NULL, NULL
FROM offload.due WHERE id = ANY ($1::uuid[]) AND NOT (run_at > now() AND failures > 0)
UNION ALL
SELECT id::text, 'refused', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT w.id::text, 'refused', 'blocked', '', 0, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT FROM offload.blocked AS b WHERE b.id = w.id LIMIT 1) AS b
UNION ALL
SELECT id::text, 'refused', CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END, '', 0, NULL, NULL, NULL
FROM offload.done WHERE id = ANY ($1::uuid[]) AND (outcome = 0
    OR outcome < 9 AND (SELECT input FROM offload.job WHERE job.id = done.id LIMIT 1) = $2::bytea)
