-- Find which keys of limits a job holds.
--   ?1 gates, JSON array   ?2 id
-- Plan: SEARCH offload_hold USING PRIMARY KEY (gate=? AND id=?).
SELECT gate FROM offload_hold WHERE gate IN (SELECT value FROM json_each(?1)) AND id = ?2
