-- The jobs that wait for a gate, and those that hold it, if they are asked for.
--   $1 gate  $2 with those that hold it  $3 how many at most
-- Plan: Index Scans using blocked_gate and hold_pkey.
SELECT id::text FROM (
    (SELECT b.id FROM offload.blocked AS b WHERE b.gate = $1::text ORDER BY b.priority, b.run_at, b.id LIMIT $3)
    UNION ALL
    (SELECT h.id FROM offload.hold AS h WHERE h.gate = $1::text AND NOT h.stops AND $2::boolean ORDER BY h.id LIMIT $3)
) AS x
