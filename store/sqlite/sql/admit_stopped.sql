-- Find whether the job that stops a key waits for it.
--   ?1 gate   ?2 id
-- Plan: SEARCH b USING INDEX (id=?).
SELECT b.priority, b.run_at, b.id, b.queue, CASE WHEN b.waits = 3 THEN (SELECT terms FROM offload_job WHERE id = b.id) END
FROM offload_blocked AS b WHERE b.id = ?2 AND b.gate = ?1
