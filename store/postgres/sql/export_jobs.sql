-- Read jobs in the order of their ids. export_places.sql says where they are.
--   $1 id to go on after  $2 how many at most
-- Plan: Index Scan using job_pkey.
SELECT id, created_at, timeout, give_up_after, retain, max_attempts, priority::int, queue, task, input, tags, terms
FROM offload.job WHERE id > $1 ORDER BY id LIMIT $2
