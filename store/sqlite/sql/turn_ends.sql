-- Read where the last turns of keys end.
--   ?1 queue   ?2 lane   ?3 keys, JSON array
-- Plan: SEARCH offload_turn USING PRIMARY KEY (queue=? AND priority=? AND key=?).
SELECT key, end_at FROM offload_turn WHERE queue = ?1 AND priority = ?2 AND key IN (SELECT value FROM json_each(?3))
