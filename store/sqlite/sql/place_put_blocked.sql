-- Put a job that was taken into blocked.
--   ?1 id   ?2 run_at   ?3 attempt   ?4 failures   ?5 uses   ?6 started_at   ?7 closer   ?8 closed   ?9 its turn, or NULL
--   ?10 waits   ?11 gate   ?12 what a process needs that takes it, beside knowing its task
INSERT INTO offload_blocked (queue, waits, task, priority, run_at, id, attempt, failures, uses, started_at, closer, closed, gate, due_at)
SELECT queue, ?10, CASE WHEN ?10 = 0 THEN task || CASE WHEN ?12 <> '' THEN ' ' || ?12 ELSE '' END ELSE '' END, priority + CASE WHEN ?9 IS NULL THEN 0 ELSE 10 END, coalesce(?9, ?2), id,
       ?3, ?4, ?5, ?6, ?7, ?8, ?11, CASE WHEN ?9 IS NOT NULL THEN ?2 END
FROM offload_job WHERE id = ?1
RETURNING CASE WHEN ?10 >= 2 THEN '' ELSE queue END, priority
