-- Read keys of limits: their state, who waits first, and the weight of what holds them.
--   ?1 gates, JSON array
-- Plan: SEARCH g and f USING PRIMARY KEY, SEARCH offload_hold USING PRIMARY KEY (gate=?). A key has no more holders than
-- its limit allows.
SELECT k.value, g.full_at, g.paused_until, g.stops, g.wake_at, f.priority, f.run_at, f.id, f.passed,
       (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value)
FROM json_each(?1) AS k LEFT JOIN offload_gate AS g ON g.id = k.value LEFT JOIN offload_front AS f ON f.gate = k.value
