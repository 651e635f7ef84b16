-- Put a job that was taken into done.
--   ?1 id   ?2 run_at   ?3 attempt   ?4 failures   ?5 uses   ?6 started_at   ?7 closer   ?8 closed   ?9 state   ?10 now
INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, closer, closed, retain)
SELECT id, ?9, ?3, ?4, ?5, ?2, ?6, ?10, ?7, ?8, nullif(retain, 0) FROM offload_job WHERE id = ?1
RETURNING '', 0
