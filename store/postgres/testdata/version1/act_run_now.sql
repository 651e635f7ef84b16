-- Make jobs due that wait for their time.
--   $1 ids
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[]) AND run_at > now()
    RETURNING id, started_at, attempt, failures, priority, uses, queue, gate,
              CASE WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), i AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue, gate)
    SELECT id, clock_timestamp(), started_at, attempt, failures, priority, uses, queue, gate FROM d
)
SELECT id::text, 'done', state, queue, priority::int FROM d
UNION ALL
SELECT id::text, 'nothing', 'available', '', 0 FROM offload.due WHERE id = ANY ($1::uuid[]) AND run_at <= now()
UNION ALL
SELECT id::text, 'nothing', 'running', '', 0 FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'blocked', '', 0 FROM offload.blocked WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END, '', 0
FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome < 9
