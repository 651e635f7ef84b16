-- Note that members of a batch have completed, if they had not ended.
--   ?1 batch   ?2 ids, one behind the other
-- Plan: SEARCH offload_member USING PRIMARY KEY (batch=? AND state=? AND id=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?2))
UPDATE offload_member SET state = 1 WHERE batch = ?1 AND state = 0 AND id IN (SELECT substr(?2, i, 16) FROM n)
