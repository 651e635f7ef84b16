-- Take a job out of a line.
--   ?1 gate   ?2 lane   ?3 run_at or turn   ?4 id
-- Plan: SEARCH offload_line USING PRIMARY KEY.
DELETE FROM offload_line WHERE gate = ?1 AND priority = ?2 AND run_at = ?3 AND id = ?4
