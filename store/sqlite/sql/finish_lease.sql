-- Take the leases that finish_done has ended.
--   ?1 ids, one behind the other   ?2 process   ?3 attempt   ?4 bits of uses of which none may be set
-- Plan: SEARCH offload_lease USING PRIMARY KEY (id=?), LIST SUBQUERY.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
DELETE FROM offload_lease
WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND process = ?2 AND attempt = ?3 AND uses & ?4 = 0
