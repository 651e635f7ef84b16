-- Count the due jobs of a lane.
--   ?1 queue   ?2 lane   ?3 now   ?4 limit
-- Plan: SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND run_at<?).
SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at <= ?3 LIMIT ?4)
