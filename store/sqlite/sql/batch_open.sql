-- Find what sorts of members a batch has: open, discarded, and those that have ended otherwise than completed.
--   ?1 batch
-- Plan: SEARCH offload_member USING PRIMARY KEY (batch=? AND state=?).
SELECT EXISTS (SELECT 1 FROM offload_member WHERE batch = ?1 AND state = 0),
       EXISTS (SELECT 1 FROM offload_member WHERE batch = ?1 AND state = 2),
       EXISTS (SELECT 1 FROM offload_member WHERE batch = ?1 AND state > 2)
