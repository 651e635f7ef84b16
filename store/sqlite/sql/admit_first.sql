-- Find who waits first for each of some keys.
--   ?1 gates, JSON array
-- Plan: SEARCH b USING COVERING INDEX offload_blocked_gate, twice for each key, SEARCH j USING PRIMARY KEY.
SELECT k.value, b.queue, b.priority, b.run_at, b.id, j.terms
FROM json_each(?1) AS k
CROSS JOIN offload_blocked AS b ON b.gate = k.value AND (b.priority, b.run_at, b.id) =
    (SELECT priority, run_at, id FROM offload_blocked WHERE gate = k.value ORDER BY priority, run_at, id LIMIT 1)
CROSS JOIN offload_job AS j ON j.id = b.id
