-- Find gates that may say nothing any more, among the next by id, which bury_gates.sql removes once they are locked.
--   $1 id to go on after  $2 how many to look at
-- Plan: Index Scan using gate_pkey, look-ups of hold and blocked.
SELECT g.id, g.idle, (SELECT 1 FROM offload.blocked AS b WHERE b.gate = g.id LIMIT 1) IS NOT NULL
FROM (
    SELECT id, coalesce(full_at <= now(), true) AND coalesce(paused_until <= now(), true)
               AND (SELECT 1 FROM offload.hold AS h WHERE h.gate = gate.id LIMIT 1) IS NULL
               AND (SELECT 1 FROM offload.blocked AS b WHERE b.gate = gate.id LIMIT 1) IS NULL AS idle
    FROM offload.gate WHERE id > $1::text ORDER BY id LIMIT $2
) AS g
ORDER BY g.id
