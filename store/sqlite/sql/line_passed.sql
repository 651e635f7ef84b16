-- Take those out of a line that have gone through.
--   ?1 gate   ?2 lane, ?3 run_at or turn and ?4 id of the first that has not
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND (priority,run_at,id)<(?,?,?)).
DELETE FROM offload_line WHERE gate = ?1 AND (priority, run_at, id) < (?2, ?3, ?4)
