-- Have all keys of a limit looked at where jobs wait.
--   $1 the first possible id of its gates  $2 the id after the last
-- Plan: Index Scan using gate_pkey, a look at blocked for each.
INSERT INTO offload.dirty (at, gate)
SELECT clock_timestamp(), g.id FROM offload.gate AS g
WHERE g.id >= $1::text AND g.id < $2::text AND (SELECT 1 FROM offload.blocked AS b WHERE b.gate = g.id LIMIT 1) IS NOT NULL
ORDER BY g.id
