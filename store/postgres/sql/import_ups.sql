-- For which of these jobs do others wait that have come before them?
--   $1 ids
-- Plan: Index Only Scan using edge_pkey for each.
SELECT w.id FROM unnest($1::uuid[]) AS w (id) WHERE (SELECT 1 FROM offload.edge AS e WHERE e.up = w.id LIMIT 1) IS NOT NULL
