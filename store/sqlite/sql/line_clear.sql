-- Take away the lines of keys for which nobody waits any more; followed by their fronts.
--   ?1 gates, JSON array
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=?).
DELETE FROM offload_line WHERE gate IN (SELECT value FROM json_each(?1))
