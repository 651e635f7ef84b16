-- Find who waits next for a key.
--   ?1 gate   ?2 spot after which to look   ?3 limit
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>?), no sort; a look into offload_job only for those under
-- more than one limit.
SELECT spot, CASE WHEN substr(spot, 26, 1) = x'01' THEN (SELECT terms FROM offload_job WHERE id = substr(spot, 10, 16)) END
FROM offload_line WHERE gate = ?1 AND spot > ?2 ORDER BY spot LIMIT ?3
