-- Count the due jobs of a lane that come before one.
--   ?1 queue   ?2 lane   ?3 now   ?4 limit   ?5 run_at or turn   ?6 id
-- Plan: SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)<(?,?)).
SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND (run_at, id) < (?5, ?6) AND run_at <= ?3 LIMIT ?4)
