-- Forget what jobs wait for that are gone.
--   $1 ids of these
-- Plan: look-ups of job, Index Scan using edge_down.
DELETE FROM offload.edge WHERE down = ANY (ARRAY (
    SELECT w.id FROM unnest($1::uuid[]) AS w (id)
    WHERE (SELECT 1 FROM offload.job AS j WHERE j.id = w.id AND j.task <> '' LIMIT 1) IS NULL))
