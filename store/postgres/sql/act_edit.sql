-- Change jobs that don't run and have not completed.
--   $1 ids  $2 input  $3 queue  $4 priority  $5 run at  $6 terms, and $7 the bits of uses that say what is
--   among them      (null stays)
-- The row of due or blocked is deleted and inserted anew, so that a claim that began earlier
-- misses it. The epoch rises, since it may come to lie left of marks. Limits and turns are decided
-- anew, whether it waited for them or was let through: it waits in blocked for that, or for its time in due.
-- What waits for others goes on to.
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[])
    RETURNING id, coalesce(due_at, run_at) AS run_at, started_at, attempt, failures, uses, queue, NULL::text AS gate,
              CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING *
), e AS (
    UPDATE offload.done SET run_at = coalesce(greatest($5::timestamptz, CASE WHEN $5::timestamptz IS NULL THEN NULL ELSE now() END), run_at),
           uses = CASE WHEN $3::text IS NULL THEN uses WHEN $3::text = 'offload' THEN uses | 32 ELSE uses & ~32 END
                  & CASE WHEN $6::text IS NULL THEN -1 ELSE ~8448 END | CASE WHEN $6::text IS NULL THEN 0 ELSE 128 | $7::int END
    WHERE id = ANY ($1::uuid[]) AND outcome BETWEEN 1 AND 3
    RETURNING id, CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), changed AS MATERIALIZED (
    SELECT id, state, gate FROM d UNION ALL SELECT id, 'blocked', gate FROM b UNION ALL SELECT id, state, NULL FROM e
), was AS MATERIALIZED (
    SELECT c.id, j.task, j.terms, j.priority
    FROM changed AS c CROSS JOIN LATERAL (SELECT task, terms, priority FROM offload.job WHERE job.id = c.id LIMIT 1) AS j
), j AS (
    UPDATE offload.job SET input = coalesce($2::bytea, input), queue = coalesce($3::text, queue), priority = coalesce($4::smallint, priority),
           terms = coalesce($6::jsonb, terms)
    WHERE id = ANY (ARRAY (SELECT id FROM changed))
), loose AS MATERIALIZED (
    SELECT id, CASE WHEN $5::timestamptz IS NULL THEN run_at ELSE greatest($5::timestamptz, clock_timestamp()) END AS run_at,
           started_at, attempt, failures, suspect, waits, gate, coalesce($3::text, queue) AS queue,
           CASE WHEN $3::text IS NULL THEN uses WHEN $3::text = 'offload' THEN uses | 32 ELSE uses & ~32 END
           & CASE WHEN $6::text IS NULL THEN -1 ELSE ~8448 END | CASE WHEN $6::text IS NULL THEN 0 ELSE 128 | $7::int END AS uses
    FROM (
        SELECT id, run_at, started_at, attempt, failures, uses, queue, NULL::boolean AS suspect, NULL::text AS gate, true AS waits FROM d
        UNION ALL
        SELECT id, coalesce(due_at, run_at), started_at, attempt, failures, uses, queue, suspect, gate, gate IS NOT NULL AND gate NOT IN ('after', 'held') FROM b
    ) AS x
), back AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
    SELECT l.id, l.run_at, l.started_at, l.attempt, l.failures, coalesce($4::smallint, was.priority), l.uses & ~1536 | ((l.uses & 256) << 1), l.queue
    FROM loose AS l JOIN was ON was.id = l.id WHERE l.waits AND (l.uses & 256 = 0 OR l.run_at > clock_timestamp())
    RETURNING id, queue, priority
), open AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT l.id, l.run_at, l.started_at, l.attempt, l.failures, coalesce($4::smallint, was.priority), l.uses & ~1536 | 512, false, l.queue, '', ''
    FROM loose AS l JOIN was ON was.id = l.id WHERE l.waits AND l.uses & 256 <> 0 AND l.run_at <= clock_timestamp()
), still AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT l.id, l.run_at, l.started_at, l.attempt, l.failures, coalesce($4::smallint, was.priority), l.uses, l.suspect, l.queue, CASE WHEN l.gate IS NULL THEN was.task ELSE '' END, l.gate
    FROM loose AS l JOIN was ON was.id = l.id WHERE NOT l.waits
    RETURNING id, queue, priority
), moved AS MATERIALIZED (
    SELECT * FROM back UNION ALL SELECT * FROM still
), raised AS (
    INSERT INTO offload.queue AS q (name, epoch) SELECT DISTINCT queue, 1 FROM back ORDER BY queue
    ON CONFLICT (name) DO UPDATE SET epoch = q.epoch + 1
)
SELECT c.id::text, 'done', c.state, coalesce(m.queue, ''), coalesce(m.priority, 0)::int,
       CASE WHEN w.terms IS NOT NULL OR $6::text IS NOT NULL THEN w.task END, w.terms::text, c.gate
FROM changed AS c JOIN was AS w ON w.id = c.id LEFT JOIN moved AS m ON m.id = c.id
UNION ALL
SELECT id::text, 'refused', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'completed', '', 0, NULL, NULL, NULL FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome = 0
