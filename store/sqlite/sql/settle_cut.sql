-- Find an edge of a job that can't be met.
--   ?1 id   ?2 what becomes of the job then: 0 cancel, 1 hold
-- Plan: SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=?).
SELECT up, wants, state FROM offload_edge WHERE down = ?1 AND stand IN (2, 5) AND otherwise = ?2 LIMIT 1
