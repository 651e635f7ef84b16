-- Find the next queue, reason and task with rows in blocked, and whether one's time has come.
--   ?1 queue, ?2 waits and ?3 task after which to look   ?4 now
-- Plan: SEARCH b USING PRIMARY KEY ((queue,waits,task)>(?,?,?)), no sort; times seldom lie ahead.
SELECT b.queue, b.waits, b.task,
       EXISTS (SELECT 1 FROM offload_blocked WHERE queue = b.queue AND waits = b.waits AND task = b.task AND run_at <= ?4)
FROM offload_blocked AS b
WHERE (b.queue, b.waits, b.task) > (?1, ?2, ?3)
ORDER BY b.queue, b.waits, b.task LIMIT 1
