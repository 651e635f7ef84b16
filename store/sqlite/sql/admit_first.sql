-- Find who waits first for each of some keys, with what gate_look reads.
--   ?1 gates, JSON array
-- Plan: SEARCH f and g USING PRIMARY KEY, SEARCH offload_hold USING PRIMARY KEY (gate=?); a look into offload_job only for
-- those under more than one limit.
SELECT k.value, g.full_at, g.paused_until, g.stops, g.wake_at, f.priority, f.run_at, f.id, f.passed,
       (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value),
       f.queue, CASE WHEN f.waits = 3 THEN (SELECT terms FROM offload_job WHERE id = f.id) END
FROM json_each(?1) AS k CROSS JOIN offload_front AS f ON f.gate = k.value LEFT JOIN offload_gate AS g ON g.id = k.value
