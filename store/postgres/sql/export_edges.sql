-- Read what jobs wait for, and the members of batches, and whether each of those stands in for another.
--   $1 ids
-- Plan: Index Scan using edge_down for each, look-ups of job.
SELECT e.down, e.up, e.wants::int, e.hold, e.state::int,
       e.wants = 3 AND coalesce((
           SELECT j.terms ->> 'batch' IS DISTINCT FROM e.down::text FROM offload.job AS j WHERE j.id = e.up AND j.task <> '' LIMIT 1), false)
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT * FROM offload.edge AS x WHERE x.down = w.id OFFSET 0) AS e
ORDER BY e.down, e.n, e.up
