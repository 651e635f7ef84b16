-- Let jobs that gave up, or wait for a retry, run at once, as if they had never failed.
--   $1 ids
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[]) AND run_at > now() AND failures > 0
    RETURNING id, started_at, attempt, uses, gate, 'retryable' AS state
), e AS (
    DELETE FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome BETWEEN 1 AND 3
    RETURNING id, started_at, attempt, uses, NULL::text AS gate,
              CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), again AS MATERIALIZED (
    SELECT x.*, j.queue, j.priority FROM (SELECT * FROM d UNION ALL SELECT * FROM e) AS x
    CROSS JOIN LATERAL (SELECT queue, priority FROM offload.job WHERE job.id = x.id LIMIT 1) AS j
), heard AS (
    DELETE FROM offload.signal WHERE id = ANY (ARRAY (SELECT id FROM again))
), i AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue, gate)
    SELECT id, clock_timestamp(), started_at, attempt, 0, priority, uses, queue, gate FROM again
)
SELECT id::text, 'done', state, queue, priority::int FROM again
UNION ALL
SELECT id::text, CASE WHEN run_at <= now() THEN 'nothing' ELSE 'refused' END,
       CASE WHEN run_at <= now() THEN 'available' ELSE 'scheduled' END, '', 0
FROM offload.due WHERE id = ANY ($1::uuid[]) AND NOT (run_at > now() AND failures > 0)
UNION ALL
SELECT id::text, 'refused', 'running', '', 0 FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'blocked', '', 0 FROM offload.blocked WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'completed', '', 0 FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome = 0
