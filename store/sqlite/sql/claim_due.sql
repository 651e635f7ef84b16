-- Take the jobs that claim.sql has read out of due.
--   ?1 queue   ?2 lane   ?3 run_at or turn and ?4 id of the last
-- Plan: SEARCH offload_due USING PRIMARY KEY.
DELETE FROM offload_due WHERE queue = ?1 AND priority = ?2 AND (run_at, id) <= (?3, ?4)
