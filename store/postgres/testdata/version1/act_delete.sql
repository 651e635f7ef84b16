-- Delete jobs that don't run, with all that is known of them. What stays for a while is the id,
-- so that the same insert again makes no second job.
--   $1 ids  $2 how long the id is kept (µs)
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[])
    RETURNING id, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING id, 'blocked' AS state
), i AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, attempt, failures, outcome, uses)
    SELECT id, clock_timestamp() + $2::bigint * interval '1 microsecond', clock_timestamp(), clock_timestamp(), 0, 0, 9, 0
    FROM (SELECT id FROM d UNION ALL SELECT id FROM b) AS w
), e AS (
    UPDATE offload.done AS n SET outcome = 9, uses = 0, keep_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
    FROM (SELECT id, outcome FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome < 9 ORDER BY id FOR UPDATE) AS o
    WHERE n.id = o.id AND n.outcome < 9
    RETURNING n.id, CASE o.outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), gone AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT * FROM b UNION ALL SELECT * FROM e
), j AS (
    UPDATE offload.job SET task = '', queue = '', input = '', tags = NULL WHERE id = ANY (ARRAY (SELECT id FROM gone))
), f AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT id FROM gone))
), r AS (
    DELETE FROM offload.result WHERE id = ANY (ARRAY (SELECT id FROM gone))
), c AS (
    DELETE FROM offload.crash WHERE id = ANY (ARRAY (SELECT id FROM gone))
), p AS (
    DELETE FROM offload.progress WHERE id = ANY (ARRAY (SELECT id FROM gone))
)
SELECT id::text, 'done', state, '', 0 FROM gone
UNION ALL
SELECT id::text, 'refused', 'running', '', 0 FROM offload.lease WHERE id = ANY ($1::uuid[])
