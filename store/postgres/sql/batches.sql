-- How the members of batches stand.
--   $1 ids
-- Plan: look-ups of job, Index Scan using edge_down for each.
SELECT w.id, m.members, m.open, m.completed, m.discarded
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT FROM offload.job AS j WHERE j.id = w.id AND j.task = 'offload' || '.batch' LIMIT 1) AS j
CROSS JOIN LATERAL (
    SELECT count(*) AS members, count(*) FILTER (WHERE e.state IS NULL) AS open,
           count(*) FILTER (WHERE e.state = 0) AS completed, count(*) FILTER (WHERE e.state = 1) AS discarded
    FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 3
) AS m
