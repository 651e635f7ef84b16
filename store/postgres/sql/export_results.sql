-- Read results of jobs.
--   $1 ids
SELECT id, result FROM offload.result WHERE id = ANY ($1::uuid[])
