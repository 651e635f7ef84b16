-- Read which jobs of one queue and priority are due next.
--   ?1 queue   ?2 priority   ?3 time and ?4 id behind which to look   ?5 now   ?6 whether those are wanted that have not failed, ?7 and those that have
--   ?8 limit
-- Plan: SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? AND (run_at,id)>(?,?)), no sort.
SELECT run_at, id FROM offload_due
WHERE queue = ?1 AND priority = ?2 AND (run_at, id) > (?3, ?4) AND run_at > ?5 AND CASE failures WHEN 0 THEN ?6 ELSE ?7 END
ORDER BY run_at, id LIMIT ?8
