-- Give leases of a process back: due at their old run_at, or cancelled if that was signalled.
--   $1 process  $2 ids  $3 attempts  $4 how long cancelled jobs are kept (µs)
-- The epochs of their queues rise, so that the next claim looks left of its marks. A job with a turn
-- goes in front of all turns. Returns where they came from, and those with terms that were cancelled.
-- Plan: look-ups of lease and job, inserts.
WITH given AS (
    DELETE FROM offload.lease AS l USING unnest($2::uuid[], $3::int[]) AS f (id, attempt)
    WHERE l.id = f.id AND l.attempt = f.attempt AND l.process = $1
    RETURNING l.*
), moved AS MATERIALIZED (
    SELECT g.*, j.queue, j.priority, j.retain, j.task, j.terms,
           g.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = g.id) AS cancelled
    FROM given AS g CROSS JOIN LATERAL (SELECT queue, priority, retain, task, terms FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
), back AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
    SELECT id, run_at, started_at, attempt, failures, priority, uses & ~3 | 2048, queue FROM moved WHERE NOT cancelled
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, now() + greatest(coalesce(nullif(retain, 0) / 1000, $4::bigint), 600000000) * interval '1 microsecond', now(),
           run_at, started_at, attempt, failures, 2, uses & ~3 | 2048
    FROM moved WHERE cancelled
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM moved WHERE uses & 16384 <> 0 AND cancelled
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM moved WHERE cancelled)
), raised AS (
    INSERT INTO offload.queue AS q (name, epoch)
    SELECT DISTINCT queue, 1 FROM moved WHERE NOT cancelled ORDER BY queue
    ON CONFLICT (name) DO UPDATE SET epoch = q.epoch + 1
)
SELECT DISTINCT queue, priority::int, NULL::text AS id, NULL::text AS task, NULL::jsonb AS terms, false AS cancelled
FROM moved WHERE NOT cancelled
UNION ALL
SELECT queue, priority::int, id::text, task, terms, cancelled FROM moved WHERE uses & 128 <> 0 AND cancelled
