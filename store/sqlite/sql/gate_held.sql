-- Find which keys of limits jobs hold.
--   ?1 gates, JSON array   ?2 an id for each, one behind the other
-- Plan: SEARCH offload_hold USING PRIMARY KEY (gate=? AND id=?).
SELECT gate, id FROM offload_hold WHERE (gate, id) IN (SELECT value, substr(?2, key * 16 + 1, 16) FROM json_each(?1))
