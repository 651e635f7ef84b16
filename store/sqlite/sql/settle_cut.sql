-- Find the first edge of a job that can't be met.
--   ?1 id
-- Plan: SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=?).
SELECT up, wants, otherwise, state, min(n) FROM offload_edge
WHERE down = ?1 AND stand IN (2, 5) AND (stand = 2 OR NOT EXISTS (SELECT 1 FROM offload_edge WHERE down = ?1 AND stand IN (3, 4)))
