-- Complete an attempt within its handler's transaction, which cannot commit if the lease is gone.
--   $1 id  $2 process  $3 attempt  $4 how long to keep (µs)  $5 uses to add  $6 result, or null
-- Plan: look-ups by id.
WITH ended AS (
    DELETE FROM offload.lease WHERE id = $1::uuid AND process = $2::uuid AND attempt = $3::int
      AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $2::uuid AND NOT p.lost)
    RETURNING id, run_at, started_at, attempt, failures, uses
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, clock_timestamp() + $4::bigint * interval '1 microsecond', clock_timestamp(), run_at, started_at, attempt, failures, 0,
           uses & -16148 | 2 | $5::smallint
    FROM ended
), given AS (
    INSERT INTO offload.result (id, result) SELECT id, $6::bytea FROM ended WHERE $6::bytea IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET result = excluded.result
), forgiven AS (
    DELETE FROM offload.crash WHERE id IN (SELECT id FROM ended WHERE uses & 16 <> 0)
), forgotten AS (
    DELETE FROM offload.memo WHERE id IN (SELECT id FROM ended WHERE uses & -32768 <> 0)
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM ended WHERE uses & 16384 <> 0
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM ended WHERE uses & 1 <> 0)
)
SELECT offload.refuse_lost($1::uuid, $3::int) WHERE NOT EXISTS (SELECT FROM ended)
