-- Make jobs due that have waited for others and are under no limit; followed by admit_blocked.
--   ?1 ids, one behind the other   ?2 now
-- Plan: SEARCH offload_blocked USING INDEX (id=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed)
SELECT queue, priority, max(run_at, ?2), id, attempt, failures, uses, started_at, closer, closed FROM offload_blocked
WHERE id IN (SELECT substr(?1, i, 16) FROM n)
