-- Put a job that was taken into blocked.
--   ?1 id   ?2 run_at   ?3 attempt   ?4 failures   ?5 uses   ?6 started_at   ?7 closer   ?8 closed   ?9 waits
INSERT INTO offload_blocked (queue, waits, task, priority, run_at, id, attempt, failures, uses, started_at, closer, closed)
SELECT queue, ?9, CASE WHEN ?9 = 0 THEN task ELSE '' END, priority, ?2, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM offload_job WHERE id = ?1
RETURNING queue, priority
