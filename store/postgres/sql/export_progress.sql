-- Read how far jobs are.
--   $1 ids
SELECT id, attempt, done, total, note, at, rate FROM offload.progress WHERE id = ANY ($1::uuid[])
