-- Lease the jobs that claim.sql has read.
--   ?1 queue   ?2 lane   ?3 run_at or turn and ?4 id of the last   ?5 process   ?6 now
-- Plan: SEARCH offload_due USING PRIMARY KEY.
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at, closer, closed, gate)
SELECT id, ?5, attempt + 1, failures, uses, CASE WHEN ?2 < 10 THEN run_at ELSE coalesce(due_at, run_at) END, ?6, closer, closed, gate FROM offload_due
WHERE queue = ?1 AND priority = ?2 AND (run_at, id) <= (?3, ?4)
