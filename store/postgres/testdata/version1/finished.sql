-- Which attempts have been finished by their own process?
--   $1 ids  $2 attempts
-- Bit 2 of uses says it: of the attempt in due, blocked and done, of the one before it in lease.
-- Each place is a LATERAL with its own limit: EXISTS, with OR between, became a hash of all of it.
-- Plan: look-ups by id.
SELECT f.id, f.attempt
FROM unnest($1::uuid[], $2::int[]) AS f (id, attempt)
CROSS JOIN LATERAL (
    (SELECT 1 FROM offload.done AS p WHERE p.id = f.id AND p.attempt = f.attempt AND p.uses & 2 <> 0 LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.due AS p WHERE p.id = f.id AND p.attempt = f.attempt AND p.uses & 2 <> 0 LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.blocked AS p WHERE p.id = f.id AND p.attempt = f.attempt AND p.uses & 2 <> 0 LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.lease AS p WHERE p.id = f.id AND p.attempt = f.attempt + 1 AND p.uses & 2 <> 0 LIMIT 1)
) AS found
