-- Find which jobs are stored.
--   ?1 ids, one behind the other
-- Plan: SEARCH offload_job USING PRIMARY KEY.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT id FROM offload_job WHERE id IN (SELECT substr(?1, i, 16) FROM n)
