-- Find what is held by jobs that have ended: a program of an older release knew nothing of it.
--   $1 gate and $2 id to go on after  $3 how many to look at
-- One snapshot sees each job in one place.
-- Plan: Index Scan using hold_pkey, look-ups by id.
SELECT h.gate, h.id::text,
       NOT h.stops AND (SELECT 1 FROM offload.due AS p WHERE p.id = h.id LIMIT 1) IS NULL
       AND (SELECT 1 FROM offload.lease AS p WHERE p.id = h.id LIMIT 1) IS NULL
       AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = h.id LIMIT 1) IS NULL
FROM (SELECT gate, id, stops FROM offload.hold WHERE (gate, id) > ($1::text, $2::uuid) ORDER BY gate, id LIMIT $3) AS h
ORDER BY h.gate, h.id
