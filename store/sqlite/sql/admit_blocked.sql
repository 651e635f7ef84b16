-- Take the jobs out of blocked that admit_due has made due.
--   ?1 ids, one behind the other
-- Plan: SEARCH offload_blocked USING INDEX (id=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
DELETE FROM offload_blocked WHERE id IN (SELECT substr(?1, i, 16) FROM n)
