-- Move leases of attempts that did not just complete to where they go: 10 (snooze) and 11
-- (retry) to due, others to done, with their failures.
--   $1 process  $2 ids  $3 attempts  $4 outcomes  $5 until it runs again or is removed (µs)
--   $6 uses to add  $7 errors  $8 kinds  $9 stacks, null for no failure  $10 how many they are
-- Returns 1, and whether others wait for one that has ended.
-- Divides by zero unless all leases were there, the process was not declared lost, and those that were cancelled end as cancelled
-- or completed: then the caller goes the exact way.
-- Plan: Index Scan using lease_pkey for each, look-ups of job, inserts.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::int[], $4::smallint[], $5::bigint[], $6::smallint[], $7::text[], $8::text[], $9::text[])
        AS w (id, attempt, outcome, wait, uses, error, kind, stack)
), ended AS (
    DELETE FROM offload.lease AS l USING wanted AS w
    WHERE l.id = w.id AND l.attempt = w.attempt AND l.process = $1
      AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $1 AND NOT p.lost)
    RETURNING l.id, l.run_at, l.started_at, l.attempt, l.failures, l.gate, w.outcome, w.wait, w.error, w.kind, w.stack,
              (l.uses | w.uses | 2)::smallint AS uses
), again AS (
    INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue, gate)
    SELECT e.id, clock_timestamp() + e.wait * interval '1 microsecond', e.started_at, e.attempt,
           e.failures + (e.outcome = 11)::int, j.priority, e.uses & ~1, j.queue, e.gate
    FROM ended AS e CROSS JOIN LATERAL (SELECT priority, queue FROM offload.job WHERE job.id = e.id LIMIT 1) AS j
    WHERE e.outcome >= 10
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, now() + wait * interval '1 microsecond', now(), run_at, started_at, attempt,
           failures + (outcome = 1)::int, outcome, uses & ~1 & CASE outcome WHEN 0 THEN ~16 ELSE -1 END
    FROM ended WHERE outcome < 10
), failed AS (
    INSERT INTO offload.failure (id, attempt, started_at, failed_at, process, kind, error, stack)
    SELECT id, attempt, started_at, now(), coalesce((SELECT label FROM offload.process WHERE id = $1), ''), kind, error, stack
    FROM ended WHERE error IS NOT NULL
    ON CONFLICT (id, attempt) DO NOTHING
), forgiven AS (
    DELETE FROM offload.crash WHERE id IN (SELECT id FROM ended WHERE outcome = 0 AND uses & 16 <> 0)
), forgotten AS (
    DELETE FROM offload.memo WHERE id IN (SELECT id FROM ended WHERE outcome = 0 AND uses & -32768 <> 0)
), signalled AS (
    SELECT id, outcome FROM ended
    WHERE uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = ended.id)
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM ended WHERE uses & 16384 <> 0 AND outcome < 10
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM signalled)
)
SELECT 1 / ((SELECT count(*) FROM ended) = $10 AND NOT EXISTS (SELECT FROM signalled WHERE outcome NOT IN (0, 2)))::int,
       EXISTS (SELECT FROM ended WHERE uses & 16384 <> 0 AND outcome < 10)
