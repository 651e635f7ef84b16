-- Lock leases and look at them.
--   $1 ids
-- Plan: Index Scan using lease_pkey.
SELECT l.id, l.process, l.attempt,
       l.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = l.id),
       EXISTS (SELECT FROM offload.process AS p WHERE p.id = l.process AND NOT p.lost)
FROM offload.lease AS l WHERE l.id = ANY ($1::uuid[]) ORDER BY l.id FOR UPDATE OF l
