-- Each queue and task of blocked that could run now, by the order of the index.
-- Plan: Index Only Scan using blocked_turn, a row for each.
WITH RECURSIVE turn AS (
    (SELECT suspect, queue, task FROM offload.blocked ORDER BY suspect, queue, task LIMIT 1)
    UNION ALL
    SELECT next.suspect, next.queue, next.task
    FROM turn CROSS JOIN LATERAL (
        SELECT suspect, queue, task FROM offload.blocked
        WHERE (blocked.suspect, blocked.queue, blocked.task) > (turn.suspect, turn.queue, turn.task)
        ORDER BY suspect, queue, task LIMIT 1
    ) AS next
)
SELECT suspect, queue, task FROM turn
WHERE EXISTS (
    SELECT FROM offload.blocked AS b
    WHERE b.suspect = turn.suspect AND b.queue = turn.queue AND b.task = turn.task AND b.run_at <= now()
) AND (suspect OR NOT EXISTS (SELECT FROM offload.task WHERE task.name = turn.task AND task.paused))
