-- Forget turns that a new job of their key would not look at.
--   $1 where an empty lane begins, before now (µs)
-- Plan: Index Scans using turn_pkey and due_pkey.
WITH RECURSIVE lane AS (
    (SELECT queue, lane FROM offload.turn ORDER BY queue, lane, key LIMIT 1)
    UNION ALL
    SELECT next.queue, next.lane
    FROM lane CROSS JOIN LATERAL (
        SELECT queue, lane FROM offload.turn WHERE (turn.queue, turn.lane) > (lane.queue, lane.lane) ORDER BY queue, lane, key LIMIT 1
    ) AS next
), began AS MATERIALIZED (
    SELECT l.queue, l.lane, coalesce((
        SELECT d.run_at FROM offload.due AS d WHERE d.queue = l.queue AND d.priority = l.lane ORDER BY d.run_at, d.id LIMIT 1
    ), clock_timestamp() - $1::bigint * interval '1 microsecond') AS at
    FROM lane AS l
)
DELETE FROM offload.turn AS t USING began AS b WHERE t.queue = b.queue AND t.lane = b.lane AND t.end_at <= b.at
