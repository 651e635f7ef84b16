-- Find who waits first for each of some keys, with the state of the key and the weight of what holds it.
--   ?1 gates, JSON array
-- Plan: SEARCH b USING COVERING INDEX offload_blocked_gate, twice for each key, SEARCH offload_hold USING PRIMARY KEY (gate=?);
-- a look into offload_job only for those under more than one limit.
SELECT k.value, b.queue, b.priority, b.run_at, b.id,
       CASE WHEN b.waits = 3 THEN (SELECT terms FROM offload_job WHERE id = b.id) END,
       g.full_at, g.paused_until, g.stops, g.wake_at, (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value)
FROM json_each(?1) AS k
CROSS JOIN offload_blocked AS b ON b.gate = k.value AND (b.priority, b.run_at, b.id) =
    (SELECT priority, run_at, id FROM offload_blocked WHERE gate = k.value ORDER BY priority, run_at, id LIMIT 1)
LEFT JOIN offload_gate AS g ON g.id = k.value
