-- Note in what state a member of a batch is.
--   ?1 batch   ?2 id   ?3 state
-- Plan: SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?).
UPDATE OR REPLACE offload_member SET state = ?3 WHERE batch = ?1 AND state IN (0, 1, 2, 3, 4, 5) AND id = ?2 AND state <> ?3
