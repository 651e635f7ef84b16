-- Read memos of jobs.
--   $1 ids
SELECT id, name, attempt, at, data FROM offload.memo WHERE id = ANY ($1::uuid[]) ORDER BY id, name
