-- Make jobs due that wait for their time, or for a person, since an upstream ended otherwise than they want.
--   $1 ids
-- Those with limits or a turn wait in blocked until these have been decided.
-- Plan: look-ups by id in each place.
-- (With a sum in place of run_at no plan takes due_pkey, which has both columns, and walks over all of it.)
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[]) AND run_at + interval '0' > now()
    RETURNING id, started_at, attempt, failures, priority, uses, queue,
              CASE WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), h AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[]) AND coalesce(gate, '') = 'held'
    RETURNING id, started_at, attempt, failures, priority, uses, queue, 'blocked' AS state
), hurried AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT id, started_at, attempt, failures, priority, CASE WHEN uses & 256 = 0 THEN uses ELSE uses | 4096 END, queue, state FROM h
), i AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
    SELECT id, clock_timestamp(), started_at, attempt, failures, priority, uses, queue FROM hurried WHERE uses & 256 = 0
), o AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, clock_timestamp(), started_at, attempt, failures, priority, uses | 512, false, queue, '', '' FROM hurried WHERE uses & 256 <> 0
)
SELECT d.id::text, 'done', d.state, d.queue, d.priority::int, j.task, j.terms::text, NULL
FROM hurried AS d LEFT JOIN LATERAL (SELECT task, terms FROM offload.job WHERE d.uses & 128 <> 0 AND job.id = d.id LIMIT 1) AS j ON true
UNION ALL
SELECT w.id::text, 'nothing', 'available', '', 0, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT FROM offload.due AS p WHERE p.id = w.id AND p.run_at <= now() LIMIT 1) AS p
UNION ALL
SELECT id::text, 'nothing', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT w.id::text, 'refused', 'blocked', '', 0, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT FROM offload.blocked AS b WHERE b.id = w.id AND b.gate IS DISTINCT FROM 'held' LIMIT 1) AS b
UNION ALL
SELECT id::text, 'refused', CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END, '', 0, NULL, NULL, NULL
FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome < 9
