-- Make jobs due that have waited for a limit; followed by admit_blocked.
--   a list of ids follows
-- Plan: SEARCH offload_blocked USING INDEX (id=?).
INSERT INTO offload_due (queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at)
SELECT queue, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, due_at FROM offload_blocked
WHERE id IN
