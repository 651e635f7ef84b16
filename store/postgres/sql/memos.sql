-- Memos of a job.
--   $1 id  $2 names, null for all
-- Plan: Index Scan using memo_pkey.
SELECT name, attempt, at, data FROM offload.memo WHERE id = $1 AND ($2::text[] IS NULL OR name = ANY ($2::text[])) ORDER BY name
