-- Find which of those who were let through are due.
--   ?1 ids, one behind the other
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT id FROM offload_due WHERE id IN (SELECT substr(?1, i, 16) FROM n)
