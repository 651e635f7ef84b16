-- Keep new jobs as cancelled that a limit without room has dropped.
--   $1 ids  $2 uses  $3 run at  $4 how long to keep (µs)
-- Plan: Function Scan, insert.
INSERT INTO offload.done (id, keep_until, finished_at, run_at, attempt, failures, outcome, uses)
SELECT id, run_at + keep * interval '1 microsecond', run_at, run_at, 0, 0, 2, uses
FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::bigint[]) AS n (id, uses, run_at, keep)
