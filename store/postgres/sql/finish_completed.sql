-- Move leases of attempts that completed, with the same number, to done.
--   $1 ids  $2 process  $3 attempt  $4 how long to keep (µs)  $5 uses to add  $6 how many they are
-- Divides by zero unless all leases were there, and the process was not declared lost (its
-- leases may be there for a moment longer, where the reap found them locked): then the caller goes the exact way. A success
-- clears crashes and a signal to cancel; a plain job has neither, and their tables are not read.
-- Returns 1, and whether others wait for one of them.
-- Plan: Index Scan using lease_pkey, insert; nested loops over nothing.
WITH ended AS (
    DELETE FROM offload.lease
    WHERE id = ANY ($1::uuid[]) AND process = $2 AND attempt = $3
      AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $2 AND NOT p.lost)
    RETURNING id, run_at, started_at, failures, uses
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT id, now() + $4::bigint * interval '1 microsecond', now(), run_at, started_at, $3, failures, 0,
           uses & -16148 | 2 | $5::smallint
    FROM ended
), forgiven AS (
    DELETE FROM offload.crash WHERE id IN (SELECT id FROM ended WHERE uses & 16 <> 0)
), forgotten AS (
    DELETE FROM offload.memo WHERE id IN (SELECT id FROM ended WHERE uses & -32768 <> 0)
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM ended WHERE uses & 16384 <> 0
), heard AS (
    DELETE FROM offload.signal WHERE id IN (SELECT id FROM ended WHERE uses & 1 <> 0)
)
SELECT 1 / (count(*) = $6)::int, coalesce(bool_or(uses & 16384 <> 0), false) FROM ended
