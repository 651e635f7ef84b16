-- Remove gates that are locked and say nothing.
--   $1 ids
-- Plan: Index Scan using gate_pkey, look-ups of hold and blocked.
DELETE FROM offload.gate AS g
WHERE g.id = ANY ($1::text[]) AND coalesce(g.full_at <= now(), true) AND coalesce(g.paused_until <= now(), true)
  AND (SELECT 1 FROM offload.hold AS h WHERE h.gate = g.id LIMIT 1) IS NULL
  AND (SELECT 1 FROM offload.blocked AS b WHERE b.gate = g.id LIMIT 1) IS NULL
