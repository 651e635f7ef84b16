-- Cancel jobs of blocked that were new to a limit without room.
--   $1 ids  $2 how long cancelled jobs are kept (µs)
-- Plan: look-ups by id.
WITH gone AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING id, coalesce(due_at, run_at) AS run_at, started_at, attempt, failures, uses
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM gone WHERE uses & 16384 <> 0
)
INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
SELECT g.id, clock_timestamp() + greatest(coalesce(nullif(j.retain, 0) / 1000, $2::bigint), 600000000) * interval '1 microsecond',
       clock_timestamp(), g.run_at, g.started_at, g.attempt, g.failures, 2, g.uses & ~5634
FROM gone AS g CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
