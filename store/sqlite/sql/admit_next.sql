-- Find who waits next for a key.
--   ?1 gate   ?2 lane, ?3 run_at or turn and ?4 id after which to look   ?5 limit
-- Plan: SEARCH l USING PRIMARY KEY, no sort; a look into offload_job only for those under more than one limit.
SELECT l.priority, l.run_at, l.id, l.queue, CASE WHEN l.waits = 3 THEN (SELECT terms FROM offload_job WHERE id = l.id) END
FROM offload_line AS l
WHERE l.gate = ?1 AND (l.priority, l.run_at, l.id) > (?2, ?3, ?4)
ORDER BY l.priority, l.run_at, l.id LIMIT ?5
