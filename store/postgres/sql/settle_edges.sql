-- Bring edges in line with the jobs that are waited for, whose rows are locked, or which are gone.
--   $1 ids  $2 how many edges at most
-- Jobs that were let go, or have ended otherwise than by being cut off, know what they knew then, and an
-- end that is known stays when the job is deleted. A batch that is open has failed, for who waits for that, when one of its members is discarded (5). Returns
-- what was to be changed, whether it is a member that is open again, or has ended in another way since, or one of a batch at which it is to be looked
-- for who waits that it fails, and whether it was changed: not if somebody has the edge.
-- Plan: look-ups by id in each place, Index Scan using edge_pkey for each, Tid Scans.
WITH up AS MATERIALIZED (
    SELECT w.id, CASE
        WHEN n.outcome IS NOT NULL THEN n.outcome
        WHEN (SELECT 1 FROM offload.lease AS p WHERE p.id = w.id LIMIT 1) IS NOT NULL THEN NULL
        WHEN (SELECT 1 FROM offload.due AS p WHERE p.id = w.id LIMIT 1) IS NOT NULL THEN NULL
        WHEN (SELECT 1 FROM offload.blocked AS p WHERE p.id = w.id LIMIT 1) IS NOT NULL THEN NULL
        ELSE 9 END AS state,
        n.outcome IS NULL AND (SELECT 1 FROM offload.edge AS m WHERE m.down = w.id AND m.wants = 3 AND m.state = 1 LIMIT 1) IS NOT NULL AS failed
    FROM unnest($1::uuid[]) AS w (id) LEFT JOIN LATERAL (SELECT outcome FROM offload.done AS p WHERE p.id = w.id LIMIT 1) AS n ON true
), wanted AS MATERIALIZED (
    SELECT up.id AS up, e.place, e.down, e.wants, e.was, e.state
    FROM up CROSS JOIN LATERAL (
        SELECT x.ctid AS place, x.down, x.wants, x.state AS was, t.state
        FROM offload.edge AS x CROSS JOIN LATERAL (SELECT CASE WHEN up.failed AND x.wants = 2 THEN 5 ELSE up.state END AS state) AS t
        WHERE x.up = up.id AND x.state IS DISTINCT FROM t.state AND (x.state IS NULL OR x.state = 5 OR t.state IS NULL OR t.state < 9)
          AND (x.wants = 3
            OR (SELECT 1 FROM offload.blocked AS p WHERE p.id = x.down AND coalesce(p.gate, '') IN ('after', 'held') LIMIT 1) IS NOT NULL
            OR (SELECT 1 FROM offload.done AS p WHERE p.id = x.down AND p.outcome = 2 AND p.uses & 512 <> 0 LIMIT 1) IS NOT NULL)
        LIMIT $2
    ) AS e LIMIT $2
), locked AS MATERIALIZED (
    SELECT w.*, k.locked IS NOT NULL AS locked
    FROM wanted AS w LEFT JOIN LATERAL (SELECT 1 AS locked FROM offload.edge AS x WHERE x.ctid = w.place FOR UPDATE SKIP LOCKED) AS k ON true
), changed AS (
    UPDATE offload.edge AS e SET state = w.state FROM (SELECT place, state FROM locked WHERE locked OFFSET 0) AS w WHERE e.ctid = w.place
)
SELECT up, down, wants = 3 AND was IS NOT NULL,
       wants = 3 AND (state IS NOT DISTINCT FROM 1 OR was IS NOT DISTINCT FROM 1) AND (SELECT 1 FROM offload.edge AS x WHERE x.up = locked.down AND x.wants = 2 LIMIT 1) IS NOT NULL,
       locked
FROM locked
