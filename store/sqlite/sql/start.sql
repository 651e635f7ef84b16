-- Lease a job to a process that has just been stored, unless something keeps it from starting.
--   ?1 id   ?2 number of the process   ?3 now   ?4 uses   ?5 queue   ?6 task
-- Plan: SEARCH by primary key, three times.
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at)
SELECT ?1, number, 1, 0, ?4, ?3, ?3 FROM offload_process
WHERE number = ?2 AND gone_at IS NULL AND NOT quiet AND NOT stop
  AND NOT EXISTS (SELECT 1 FROM offload_queue WHERE name = ?5)
  AND NOT EXISTS (SELECT 1 FROM offload_task WHERE name = ?6 AND paused)
