-- Read keys of limits: their state, the weight of what holds them, and whether somebody waits.
--   ?1 gates, JSON array
-- Plan: SEARCH g USING PRIMARY KEY, SEARCH offload_hold USING PRIMARY KEY (gate=?), SEARCH offload_blocked USING COVERING INDEX.
-- A key has no more holders than its limit allows.
SELECT k.value, g.full_at, g.paused_until, g.stops, g.wake_at,
       (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value),
       EXISTS (SELECT 1 FROM offload_blocked WHERE gate = k.value)
FROM json_each(?1) AS k LEFT JOIN offload_gate AS g ON g.id = k.value
