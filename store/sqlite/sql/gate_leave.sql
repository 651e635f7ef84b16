-- Take back what jobs hold of keys.
--   ?1 gates, JSON array   ?2 an id for each, one behind the other
-- Plan: SEARCH offload_hold USING PRIMARY KEY (gate=? AND id=?).
DELETE FROM offload_hold WHERE (gate, id) IN (SELECT value, substr(?2, key * 16 + 1, 16) FROM json_each(?1))
