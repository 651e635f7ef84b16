-- Take a lease, if the attempt is still the process's.
--   ?1 id   ?2 process   ?3 attempt
-- Plan: SEARCH offload_lease USING PRIMARY KEY.
DELETE FROM offload_lease WHERE id = ?1 AND process = ?2 AND attempt = ?3
RETURNING 2, process, attempt, failures, uses, run_at, started_at, closer, closed, 0, 0, NULL, NULL
