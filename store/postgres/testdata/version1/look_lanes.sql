-- Each queue and priority with rows in due, and its earliest run_at: a loose index scan, one
-- step for each lane, however many jobs wait.
-- Plan: Index Scan using due_pkey, a row each.
WITH RECURSIVE lane AS (
    (SELECT queue, priority, run_at FROM offload.due ORDER BY queue, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.run_at
    FROM lane CROSS JOIN LATERAL (
        SELECT queue, priority, run_at FROM offload.due
        WHERE (due.queue, due.priority) > (lane.queue, lane.priority)
        ORDER BY queue, priority, run_at, id LIMIT 1
    ) AS next
)
SELECT queue, priority::int, run_at FROM lane
