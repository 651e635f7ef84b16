-- Find a job in the place where it lies.
--   ?1 id
-- Plan: four look-ups by id.
SELECT 1, NULL AS process, attempt, failures, uses, coalesce(due_at, run_at), started_at, closer, closed,
       0 AS state, 0 AS waits, CASE WHEN due_at IS NOT NULL THEN run_at END AS turn, NULL AS gate FROM offload_due WHERE id = ?1
UNION ALL
SELECT 2, process, attempt, failures, uses, run_at, started_at, closer, closed, 0, 0, NULL, NULL FROM offload_lease WHERE id = ?1
UNION ALL
SELECT 3, NULL, attempt, failures, uses, coalesce(due_at, run_at), started_at, closer, closed,
       0, waits, CASE WHEN due_at IS NOT NULL THEN run_at END, gate FROM offload_blocked WHERE id = ?1
UNION ALL
SELECT 4, NULL, attempt, failures, uses, run_at, started_at, closer, closed, state, 0, NULL, NULL FROM offload_done WHERE id = ?1
