-- Change jobs that don't run and have not completed.
--   $1 ids  $2 input  $3 queue  $4 priority  $5 run at      (null stays)
-- The row of due or blocked is deleted and inserted anew, so that a claim that began earlier
-- misses it. The epoch rises, since it may come to lie left of marks.
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[])
    RETURNING *, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING *
), e AS (
    UPDATE offload.done SET run_at = coalesce(greatest($5::timestamptz, CASE WHEN $5::timestamptz IS NULL THEN NULL ELSE now() END), run_at),
           uses = CASE WHEN $3::text IS NULL THEN uses WHEN $3::text = 'offload' THEN uses | 32 ELSE uses & ~32 END
    WHERE id = ANY ($1::uuid[]) AND outcome BETWEEN 1 AND 3
    RETURNING id, CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), changed AS MATERIALIZED (
    SELECT id, state FROM d UNION ALL SELECT id, 'blocked' FROM b UNION ALL SELECT id, state FROM e
), j AS (
    UPDATE offload.job SET input = coalesce($2::bytea, input), queue = coalesce($3::text, queue), priority = coalesce($4::smallint, priority)
    WHERE id = ANY (ARRAY (SELECT id FROM changed))
), back AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue, gate)
    SELECT id, CASE WHEN $5::timestamptz IS NULL THEN run_at ELSE greatest($5::timestamptz, clock_timestamp()) END,
           started_at, attempt, failures, coalesce($4::smallint, priority),
           CASE WHEN $3::text IS NULL THEN uses WHEN $3::text = 'offload' THEN uses | 32 ELSE uses & ~32 END,
           coalesce($3::text, queue), gate
    FROM d RETURNING id, queue, priority
), still AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, CASE WHEN $5::timestamptz IS NULL THEN run_at ELSE greatest($5::timestamptz, clock_timestamp()) END,
           started_at, attempt, failures, coalesce($4::smallint, priority),
           CASE WHEN $3::text IS NULL THEN uses WHEN $3::text = 'offload' THEN uses | 32 ELSE uses & ~32 END,
           suspect, coalesce($3::text, queue), task, gate
    FROM b RETURNING id, queue, priority
), moved AS MATERIALIZED (
    SELECT * FROM back UNION ALL SELECT * FROM still
), raised AS (
    INSERT INTO offload.queue AS q (name, epoch) SELECT DISTINCT queue, 1 FROM back ORDER BY queue
    ON CONFLICT (name) DO UPDATE SET epoch = q.epoch + 1
)
SELECT c.id::text, 'done', c.state, coalesce(m.queue, ''), coalesce(m.priority, 0)::int FROM changed AS c LEFT JOIN moved AS m ON m.id = c.id
UNION ALL
SELECT id::text, 'refused', 'running', '', 0 FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'completed', '', 0 FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome = 0
