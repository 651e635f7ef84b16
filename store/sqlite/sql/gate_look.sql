-- Read keys of limits: what there is to say of them, who waits first, and the weight of what holds them.
--   ?1 gates, JSON array
-- Plan: SEARCH f and offload_gate USING PRIMARY KEY, SEARCH offload_hold USING PRIMARY KEY (gate=?). A key has no more
-- holders than its limit allows. Most have no row in offload_gate, whose columns come as one.
SELECT k.key, (SELECT json_array(full_at, paused_until, hex(stops), wake_at) FROM offload_gate WHERE id = k.value),
       f.spot, f.passed, (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value)
FROM json_each(?1) AS k LEFT JOIN offload_front AS f ON f.gate = k.value
