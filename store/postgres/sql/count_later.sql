-- Part of count_up_to.sql: what of due is later. All that waits now would be looked through otherwise.
-- Plan: a loose Index Scan of queues and priorities, an Index Scan of each from now on.
(WITH RECURSIVE lane AS (
    (SELECT queue, priority FROM offload.due ORDER BY queue, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority FROM lane CROSS JOIN LATERAL (
        SELECT queue, priority FROM offload.due AS d WHERE (d.queue, d.priority) > (lane.queue, lane.priority)
        ORDER BY queue, priority, run_at, id LIMIT 1
    ) AS next
)
SELECT d.* FROM lane CROSS JOIN LATERAL (
    SELECT * FROM offload.due AS d WHERE d.queue = lane.queue AND d.priority = lane.priority AND d.run_at > now()
    ORDER BY d.run_at, d.id LIMIT $22
) AS d)
