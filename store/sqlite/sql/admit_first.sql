-- Find who waits first for each of some keys, with what gate_look reads.
--   ?1 gates, JSON array
-- Plan: SEARCH f and offload_gate USING PRIMARY KEY, SEARCH offload_hold USING PRIMARY KEY (gate=?); a look into
-- offload_job only for those under more than one limit.
SELECT k.key, (SELECT json_array(full_at, paused_until, hex(stops), wake_at) FROM offload_gate WHERE id = k.value),
       f.spot, f.passed, (SELECT coalesce(sum(weight), 0) FROM offload_hold WHERE gate = k.value),
       CASE WHEN substr(f.spot, 26, 1) = x'01' THEN (SELECT terms FROM offload_job WHERE id = substr(f.spot, 10, 16)) END
FROM json_each(?1) AS k CROSS JOIN offload_front AS f ON f.gate = k.value
WHERE f.spot IS NOT NULL
