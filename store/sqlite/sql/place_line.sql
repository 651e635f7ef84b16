-- Count those who wait for a key before a job.
--   ?1 gate   ?2 lane, ?3 run_at or turn and ?4 id of the job   ?5, ?6 and ?7 of the first who waits
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND (priority,run_at,id)>(?,?,?) AND (priority,run_at,id)<(?,?,?)).
SELECT count(*) FROM offload_line
WHERE gate = ?1 AND (priority, run_at, id) >= (?5, ?6, ?7) AND (priority, run_at, id) < (?2, ?3, ?4)
