-- Move leases without a live process, whoever's they were.
--   $1 how many at most  $2 $3 how long cancelled, discarded jobs are kept (µs)  $4 how long a suspect is left alone (µs)
-- By state and not by event: a claim of a process that is being declared lost may have
-- committed after the last look. Leases that another reap is moving are left to it.
-- 2 crashes (within 72 h) make a suspect; 3 of one that was alone in its process end it, 5 of one
-- beside which others ran, any of which may be the reason.
-- Jobs with terms that ended come back too, with a count of 0.
-- Plan: a walk over lease with look-ups of process; look-ups of job, inserts.
WITH stray AS MATERIALIZED (
    SELECT l.id FROM offload.lease AS l
    WHERE NOT EXISTS (SELECT FROM offload.process AS p WHERE p.id = l.process AND NOT p.lost)
    ORDER BY l.id LIMIT $1 FOR UPDATE OF l SKIP LOCKED
), given AS (
    DELETE FROM offload.lease WHERE id = ANY (ARRAY (SELECT id FROM stray))
    RETURNING *
), crashed AS (
    INSERT INTO offload.crash AS c (id, n, last)
    SELECT id, 1, now() FROM given ORDER BY id
    ON CONFLICT (id) DO UPDATE SET last = excluded.last,
        n = CASE WHEN c.last > excluded.last - interval '72 hours' THEN c.n + 1 ELSE 1 END
    RETURNING id, n
), held AS MATERIALIZED (
    SELECT process, count(*) AS n FROM given GROUP BY process
), moved AS MATERIALIZED (
    SELECT g.id, g.run_at, g.started_at, g.attempt, g.failures, (g.uses & ~3 | 2064)::smallint AS uses,
           j.queue, j.task, j.priority, j.retain, j.terms,
           coalesce((SELECT label FROM offload.process AS p WHERE p.id = g.process), g.process::text) AS label,
           CASE WHEN g.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = g.id)
                     THEN 'cancelled'
                WHEN c.n >= CASE held.n WHEN 1 THEN 3 ELSE 5 END THEN 'discarded' WHEN c.n >= 2 THEN 'suspect' ELSE 'released' END AS fate
    FROM given AS g JOIN crashed AS c ON c.id = g.id JOIN held ON held.process = g.process
    CROSS JOIN LATERAL (SELECT queue, task, priority, retain, terms FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
), back AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
    SELECT id, run_at, started_at, attempt, failures, priority, uses, queue FROM moved WHERE fate = 'released'
), apart AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task)
    SELECT id, clock_timestamp() + $4::bigint * interval '1 microsecond', started_at, attempt, failures, priority, uses, true, queue, task FROM moved WHERE fate = 'suspect'
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, now() + greatest(coalesce(nullif(retain, 0) / 1000, CASE fate WHEN 'cancelled' THEN $2::bigint ELSE $3::bigint END),
                                600000000) * interval '1 microsecond', now(),
           run_at, started_at, attempt, failures + (fate = 'discarded')::int,
           CASE fate WHEN 'cancelled' THEN 2 ELSE 1 END, uses | CASE fate WHEN 'discarded' THEN 4 ELSE 0 END
    FROM moved WHERE fate IN ('cancelled', 'discarded')
), failed AS (
    INSERT INTO offload.failure (id, attempt, started_at, failed_at, process, kind, error, stack)
    SELECT id, attempt, started_at, now(), label, 'crash', 'the process was lost while it ran the job', ''
    FROM moved WHERE fate = 'discarded'
    ON CONFLICT (id, attempt) DO NOTHING
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM moved WHERE uses & 16384 <> 0 AND fate IN ('cancelled', 'discarded')
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM moved WHERE fate = 'cancelled')
), raised AS (
    INSERT INTO offload.queue AS q (name, epoch)
    SELECT DISTINCT queue, 1 FROM moved WHERE fate = 'released' ORDER BY queue
    ON CONFLICT (name) DO UPDATE SET epoch = q.epoch + 1
)
SELECT fate, queue, priority::int, count(*)::int, NULL::text AS id, NULL::text AS task, NULL::jsonb AS terms
FROM moved GROUP BY fate, queue, priority
UNION ALL
SELECT fate, queue, priority::int, 0, id::text, task, terms FROM moved WHERE uses & 128 <> 0 AND fate IN ('cancelled', 'discarded')
