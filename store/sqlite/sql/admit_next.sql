-- Find who waits next for a key.
--   ?1 gate   ?2 lane, ?3 run_at or turn and ?4 id after which to look   ?5 limit
-- Plan: SEARCH b USING COVERING INDEX offload_blocked_gate, no sort.
SELECT b.gate, b.queue, b.priority, b.run_at, b.id, CASE WHEN b.waits = 3 THEN (SELECT terms FROM offload_job WHERE id = b.id) END
FROM offload_blocked AS b
WHERE b.gate = ?1 AND (b.priority, b.run_at, b.id) > (?2, ?3, ?4)
ORDER BY b.priority, b.run_at, b.id LIMIT ?5
