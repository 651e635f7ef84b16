-- Cancel jobs. A running one is signalled and keeps its lease.
--   $1 ids  $2 how long cancelled jobs are kept (µs)
-- All acts return id, effect, state it was found in, and queue and priority where it can be claimed; then,
-- of jobs with terms, the task, the terms that they had, and the gate that they waited for.
-- Plan: look-ups by id in each place; rows are locked in the order of their ids.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[])
    RETURNING id, coalesce(due_at, run_at) AS run_at, started_at, attempt, failures, uses, NULL::text AS gate,
              CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING id, coalesce(due_at, run_at), started_at, attempt, failures, uses, gate, 'blocked' AS state
), l AS (
    UPDATE offload.lease SET uses = uses | 1 WHERE id = ANY ($1::uuid[]) AND uses & 1 = 0
    RETURNING id
), s AS (
    INSERT INTO offload.signal (id) SELECT id FROM l ORDER BY id ON CONFLICT DO NOTHING
), waiting AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT * FROM b
), heard AS (
    DELETE FROM offload.signal WHERE id = ANY (ARRAY (SELECT id FROM waiting))
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM waiting WHERE uses & 16384 <> 0
), k AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT w.id, clock_timestamp() + greatest(coalesce(nullif(j.retain, 0) / 1000, $2::bigint), 600000000) * interval '1 microsecond',
           clock_timestamp(), w.run_at, w.started_at, w.attempt, w.failures, 2, w.uses & ~5634
    FROM waiting AS w CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = w.id LIMIT 1) AS j
)
SELECT w.id::text, 'done', w.state, '', 0, j.task, j.terms::text, w.gate
FROM waiting AS w LEFT JOIN LATERAL (SELECT task, terms FROM offload.job WHERE w.uses & 128 <> 0 AND job.id = w.id LIMIT 1) AS j ON true
UNION ALL
SELECT id::text, 'done', 'running', '', 0, NULL, NULL, NULL FROM l
UNION ALL
SELECT id::text, 'nothing', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[]) AND uses & 1 <> 0
UNION ALL
SELECT id::text, 'nothing', CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END, '', 0, NULL, NULL, NULL
FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome < 9
