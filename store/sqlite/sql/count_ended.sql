-- Count ended jobs of a stretch of ids by state.
--   ?1 id after which to look   ?2 last id of the stretch
-- Plan: SEARCH offload_done USING PRIMARY KEY (id>? AND id<?).
SELECT state, count(*) FROM offload_done WHERE id > ?1 AND id <= ?2 AND state < 5 AND uses & 32 = 0 GROUP BY state
