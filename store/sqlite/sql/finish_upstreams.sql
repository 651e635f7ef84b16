-- Find for which of the jobs that have ended others wait.
--   ?1 ids, one behind the other
-- Plan: SEARCH offload_done USING PRIMARY KEY (id=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT id FROM offload_done WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND uses & 8192
