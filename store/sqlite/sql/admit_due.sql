-- Make jobs due that have waited for a limit; followed by admit_blocked.
--   ?1 ids, one behind the other
-- Plan: SEARCH offload_blocked USING INDEX (id=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at)
SELECT queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at FROM offload_blocked
WHERE id IN (SELECT substr(?1, i, 16) FROM n)
