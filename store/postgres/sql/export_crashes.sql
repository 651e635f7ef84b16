-- Read crashes of jobs.
--   $1 ids
SELECT id, n, last FROM offload.crash WHERE id = ANY ($1::uuid[])
