-- Take the jobs out of blocked that admit_due_near has made due.
--   ?1 queue   ?2 lane   ?3 run_at or turn and ?4 id of the first   ?5, ?6 those of the last
--   a list of ids follows that stay
-- Plan: SEARCH offload_blocked USING PRIMARY KEY.
DELETE FROM offload_blocked
WHERE queue = ?1 AND waits = 2 AND task = '' AND priority = ?2 AND (run_at, id) >= (?3, ?4) AND (run_at, id) <= (?5, ?6) AND id NOT IN
