-- Find who waits for a key and goes through before its line: the job that stops the key, or one that holds it.
--   ?1 gate   ?2 id of the job that stops it, or NULL
-- Plan: SEARCH b USING INDEX (id=?), SEARCH j USING PRIMARY KEY.
SELECT b.queue, b.priority, b.run_at, b.id, j.terms
FROM offload_blocked AS b CROSS JOIN offload_job AS j ON j.id = b.id
WHERE b.id IN (SELECT id FROM offload_hold WHERE gate = ?1 UNION ALL SELECT ?2) AND b.gate = ?1 LIMIT 1
