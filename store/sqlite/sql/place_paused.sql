-- Find whether a queue and a task are paused.
--   ?1 queue   ?2 task
SELECT EXISTS (SELECT 1 FROM offload_queue WHERE name = ?1), EXISTS (SELECT 1 FROM offload_task WHERE name = ?2 AND paused)
