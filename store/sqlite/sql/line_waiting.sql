-- Read who waits for a key, from the first on.
--   ?1 gate   ?2 spot of the first   ?3 limit
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?), no sort.
SELECT substr(spot, 10, 16) FROM offload_line WHERE gate = ?1 AND spot >= ?2 ORDER BY spot LIMIT ?3
