-- Cancel jobs that wait for what can't come any more, whose rows are locked.
--   $1 ids  $2 why  $3 how long cancelled jobs are kept (µs)
-- The failure of an attempt that has run stays: then this counts as an attempt.
-- Joined by place, as admit.sql.
-- Plan: look-ups by id, Tid Scan, inserts.
WITH gone AS (
    DELETE FROM offload.blocked AS b
    USING (
        SELECT w.why, (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place
        FROM unnest($1::uuid[], $2::text[]) AS w (id, why) OFFSET 0
    ) AS w
    WHERE b.ctid = w.place
    RETURNING b.id, coalesce(b.due_at, b.run_at) AS run_at, b.started_at, b.failures, b.uses, w.why,
              b.attempt + ((SELECT 1 FROM offload.failure AS f WHERE f.id = b.id AND f.attempt = b.attempt AND f.kind <> 'after' LIMIT 1) IS NOT NULL)::int AS attempt
), told AS (
    INSERT INTO offload.failure (id, attempt, started_at, failed_at, process, kind, error, stack)
    SELECT id, attempt, now(), now(), '', 'after', why, '' FROM gone
    ON CONFLICT (id, attempt) DO UPDATE SET failed_at = excluded.failed_at, kind = excluded.kind, error = excluded.error, stack = ''
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM gone WHERE uses & 16384 <> 0
)
INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
SELECT g.id, clock_timestamp() + greatest(coalesce(nullif(j.retain, 0) / 1000, $3::bigint), 600000000) * interval '1 microsecond',
       clock_timestamp(), g.run_at, g.started_at, g.attempt, g.failures, 2, g.uses & ~5634 | 516
FROM gone AS g CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
