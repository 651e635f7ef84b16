-- Count those who wait for a key before a job.
--   ?1 gate   ?2 lane   ?3 run_at or turn   ?4 id
-- Plan: SEARCH offload_blocked USING COVERING INDEX offload_blocked_gate.
SELECT count(*) FROM offload_blocked WHERE gate = ?1 AND (priority, run_at, id) < (?2, ?3, ?4)
