-- Make jobs due that wait for limits in a stretch of one queue and lane, all but some; followed by admit_blocked_near.
--   ?1 queue   ?2 lane   ?3 run_at or turn and ?4 id of the first   ?5, ?6 those of the last
--   a list of ids follows that stay
-- Plan: SEARCH offload_blocked USING PRIMARY KEY.
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at)
SELECT queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at FROM offload_blocked
WHERE queue = ?1 AND waits = 2 AND task = '' AND priority = ?2 AND (run_at, id) >= (?3, ?4) AND (run_at, id) <= (?5, ?6) AND id NOT IN
