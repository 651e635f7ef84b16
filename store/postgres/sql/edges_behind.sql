-- What waits for batches, and what waits for that, and so on: as edges.
--   $1 ids of batches
-- Plan: Index Scan using edge_pkey for each, look-ups by id.
WITH RECURSIVE behind (up, down) AS (
    SELECT NULL::uuid, w.id FROM unnest($1::uuid[]) AS w (id)
    UNION
    SELECT e.up, e.down
    FROM behind AS b CROSS JOIN LATERAL (
        SELECT x.up, x.down FROM offload.edge AS x
        WHERE x.up = b.down
          AND ((SELECT 1 FROM offload.blocked AS p WHERE p.id = x.down AND coalesce(p.gate, '') IN ('after', 'held') LIMIT 1) IS NOT NULL
            OR (SELECT 1 FROM offload.done AS p WHERE p.id = x.down AND p.outcome = 2 AND p.uses & 512 <> 0 LIMIT 1) IS NOT NULL)
        OFFSET 0
    ) AS e
)
SELECT up::text, down::text FROM behind WHERE up IS NOT NULL
