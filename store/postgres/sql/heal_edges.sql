-- Find jobs that have ended, or are gone, though what waits for them does not know it: a program of an older release
-- has said nothing. And edges of jobs that are gone.
--   $1 $2 $3 $4 key of the edge to go on after  $5 how many to look at
-- Plan: Index Scan using edge_pkey, look-ups by id.
SELECT e.up, e.wants::int, e.down, e.n, (e.state IS NULL OR e.state = 5)
             AND (SELECT 1 FROM offload.lease AS p WHERE p.id = e.up LIMIT 1) IS NULL
             AND (SELECT 1 FROM offload.due AS p WHERE p.id = e.up LIMIT 1) IS NULL
             AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = e.up LIMIT 1) IS NULL
             AND (e.wants = 3
               OR (SELECT 1 FROM offload.blocked AS p WHERE p.id = e.down AND coalesce(p.gate, '') IN ('after', 'held') LIMIT 1) IS NOT NULL
               OR (SELECT 1 FROM offload.done AS p WHERE p.id = e.down AND p.outcome = 2 AND p.uses & 512 <> 0 LIMIT 1) IS NOT NULL),
       (SELECT 1 FROM offload.job AS j WHERE j.id = e.down AND j.task <> '' LIMIT 1) IS NULL
FROM (
    SELECT up, wants, down, n, state FROM offload.edge
    WHERE (up, wants, down, n) > ($1::uuid, $2::smallint, $3::uuid, $4::int) ORDER BY up, wants, down, n LIMIT $5
) AS e
ORDER BY e.up, e.wants, e.down, e.n
