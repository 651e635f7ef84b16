-- Find whether the job that stops a key waits for it.
--   ?1 gate   ?2 id
-- Plan: SEARCH b USING INDEX (id=?), SEARCH j USING PRIMARY KEY.
SELECT b.queue, b.priority, b.run_at, j.terms
FROM offload_blocked AS b CROSS JOIN offload_job AS j ON j.id = b.id WHERE b.id = ?2 AND b.gate = ?1
