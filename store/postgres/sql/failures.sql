-- The failed attempts of a job.
--   $1 id
SELECT attempt, error, kind, stack, process, started_at, failed_at
FROM offload.failure WHERE id = $1 ORDER BY attempt
