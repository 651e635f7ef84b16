-- Count what waits in one queue and priority, up to a limit for each of three states, with the earliest run_at.
--   ?1 queue   ?2 priority   ?3 now   ?4 limit, -1 is none
-- Plan: SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=? …), three times.
SELECT (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at <= ?3 LIMIT ?4)),
       (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at > ?3 AND failures > 0 LIMIT ?4)),
       (SELECT count(*) FROM (SELECT 1 FROM offload_due WHERE queue = ?1 AND priority = ?2 AND run_at > ?3 AND failures = 0 LIMIT ?4))
