-- Take those out of a line that have gone through.
--   ?1 gate   ?2 spot of the first that has not
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND spot<?).
DELETE FROM offload_line WHERE gate = ?1 AND spot < ?2
