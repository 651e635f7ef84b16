-- Find the jobs of a process that somebody has cancelled.
--   ?1 process
-- Plan: SCAN s (mostly empty), SEARCH l USING PRIMARY KEY.
SELECT s.id FROM offload_signal AS s CROSS JOIN offload_lease AS l ON l.id = s.id
WHERE l.process = ?1 ORDER BY s.id
