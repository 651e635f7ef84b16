-- Edges of jobs.
--   $1 ids
-- Plan: Index Scan using edge_down.
SELECT down, up, wants::int, hold, state::int FROM offload.edge WHERE down = ANY ($1::uuid[]) AND wants < 3 ORDER BY down, n
