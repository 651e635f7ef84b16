-- Take a job out of a line.
--   ?1 gate   ?2 spot
-- Plan: SEARCH offload_line USING PRIMARY KEY.
DELETE FROM offload_line WHERE gate = ?1 AND spot = ?2
