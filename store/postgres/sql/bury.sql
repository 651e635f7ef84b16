-- Remove lost processes that hold no lease.
DELETE FROM offload.process AS p
WHERE p.lost AND NOT EXISTS (SELECT FROM offload.lease AS l WHERE l.process = p.id)
