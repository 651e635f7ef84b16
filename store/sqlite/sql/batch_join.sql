-- Make a job a member of a batch, unless it is one.
--   ?1 batch   ?2 id   ?3 its state
-- Plan: SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?).
INSERT INTO offload_member (batch, state, id)
SELECT ?1, ?3, ?2 WHERE NOT EXISTS (SELECT 1 FROM offload_member WHERE batch = ?1 AND state IN (0, 1, 2, 3, 4, 5) AND id = ?2)
