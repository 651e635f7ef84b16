-- Edges of jobs.
--   $1 ids
-- Plan: Index Scan using edge_down for each.
SELECT e.down, e.up, e.wants::int, e.hold, e.state::int
FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, place)
CROSS JOIN LATERAL (SELECT * FROM offload.edge AS x WHERE x.down = w.id AND x.wants < 3 OFFSET 0) AS e
ORDER BY w.place, e.n
