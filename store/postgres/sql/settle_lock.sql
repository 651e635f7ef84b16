-- Lock jobs that wait for others, or were cut off, and batches.
--   $1 ids  $2 ids of batches that are to be open again
-- Returns them with 1, and those that somebody else has with 0, or with −1 where they lie in done.
-- coalesce keeps plans off blocked_gate, in which all that waits for others has the same key.
-- Plan: look-ups by id.
WITH b AS MATERIALIZED (
    SELECT p.id FROM offload.blocked AS p WHERE p.id = ANY ($1::uuid[]) AND coalesce(p.gate, '') IN ('after', 'held') FOR UPDATE SKIP LOCKED
), e AS MATERIALIZED (
    SELECT p.id FROM offload.done AS p
    WHERE p.id = ANY ($1::uuid[]) AND (p.outcome = 2 AND p.uses & 512 <> 0 OR p.outcome < 9 AND p.id = ANY ($2::uuid[])) FOR UPDATE SKIP LOCKED
)
SELECT id, 1 FROM b
UNION ALL
SELECT id, 1 FROM e
UNION ALL
SELECT p.id, p.how
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    (SELECT x.id, 0 AS how FROM offload.blocked AS x WHERE x.id = w.id AND coalesce(x.gate, '') IN ('after', 'held') LIMIT 1)
    UNION ALL
    (SELECT x.id, -1 FROM offload.done AS x
     WHERE x.id = w.id AND (x.outcome = 2 AND x.uses & 512 <> 0 OR x.outcome < 9 AND x.id = ANY ($2::uuid[])) LIMIT 1)
) AS p
WHERE p.id NOT IN (SELECT id FROM b UNION ALL SELECT id FROM e)
