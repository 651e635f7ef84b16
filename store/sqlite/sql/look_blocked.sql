-- Find the next queue, reason and task with rows in blocked, and whether the time of one has come that a process may take.
--   ?1 queue, ?2 waits and ?3 task after which to look   ?4 now
-- Not (queue, waits, task) > (?1, ?2, ?3): see look_lane. What waits for limits or others comes by itself, and its times may lie ahead.
-- Plan: SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task>?), (queue=? AND waits>?) and (queue>?); the
-- sort is of three rows. Times of parked jobs and suspects seldom lie ahead.
SELECT b.queue, b.waits, b.task,
       CASE WHEN b.waits < 2 THEN
           EXISTS (SELECT 1 FROM offload_blocked WHERE queue = b.queue AND waits = b.waits AND task = b.task AND run_at <= ?4)
       ELSE 0 END
FROM (
    SELECT * FROM (
        SELECT queue, waits, task FROM offload_blocked
        WHERE queue = ?1 AND waits = ?2 AND task > ?3 ORDER BY task LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT queue, waits, task FROM offload_blocked
        WHERE queue = ?1 AND waits > ?2 ORDER BY waits, task LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT queue, waits, task FROM offload_blocked
        WHERE queue > ?1 ORDER BY queue, waits, task LIMIT 1)
) AS b ORDER BY b.queue, b.waits, b.task LIMIT 1
