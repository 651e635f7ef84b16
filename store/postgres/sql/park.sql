-- Move leases of a process into blocked, or to cancelled if that was signalled.
--   $1 process  $2 ids  $3 attempts  $4 how long cancelled jobs are kept (µs)  $5 as suspects
--   $6 what a process needs that takes them, beside knowing the task; '' is nothing
-- A process that does not know a job's task has not begun it. Returns where they came from, and those
-- with terms that leave their limits.
-- Plan: look-ups of lease and job, inserts.
WITH given AS (
    DELETE FROM offload.lease AS l USING unnest($2::uuid[], $3::int[]) AS f (id, attempt)
    WHERE l.id = f.id AND l.attempt = f.attempt AND l.process = $1
    RETURNING l.*
), moved AS MATERIALIZED (
    SELECT g.*, j.queue, j.task, j.priority, j.retain, j.terms,
           g.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = g.id) AS cancelled
    FROM given AS g CROSS JOIN LATERAL (SELECT queue, task, priority, retain, terms FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
), parked AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task)
    SELECT id, run_at, started_at, attempt, failures, priority, uses & ~3 | CASE WHEN $5 THEN 2048 ELSE 0 END, $5, queue, task || CASE WHEN $6::text <> '' THEN ' ' || $6::text ELSE '' END FROM moved WHERE NOT cancelled
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, now() + greatest(coalesce(nullif(retain, 0) / 1000, $4::bigint), 600000000) * interval '1 microsecond', now(),
           run_at, started_at, attempt, failures, 2, uses & ~3 | 2048
    FROM moved WHERE cancelled
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM moved WHERE uses & 16384 <> 0 AND cancelled
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM moved WHERE cancelled)
)
SELECT DISTINCT queue, priority::int, NULL::text AS id, NULL::text AS task, NULL::jsonb AS terms, false AS cancelled
FROM moved WHERE NOT cancelled
UNION ALL
SELECT queue, priority::int, id::text, task, terms, cancelled FROM moved WHERE uses & 128 <> 0 AND (cancelled OR NOT $5)
