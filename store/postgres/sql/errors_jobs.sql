-- Read ids of jobs with a failure of a group, newest first.
--   $1 group  $2 ids before, null is all  $3 how many at most
-- It is planned with its parameters each time.
-- Plan: Index Only Scan Backward using failure_cause, no sort.
SELECT DISTINCT id FROM offload.failure WHERE cause = $1 AND cause IS NOT NULL AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3
