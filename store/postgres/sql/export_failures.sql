-- Read failed attempts of jobs.
--   $1 ids
SELECT id, attempt, error, kind, stack, process, started_at, failed_at FROM offload.failure WHERE id = ANY ($1::uuid[]) ORDER BY id, attempt
