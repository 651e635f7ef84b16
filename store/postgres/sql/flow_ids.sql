-- The flows of jobs, newest first.
--   $1 only those with an id before this   $2 how many
-- Plan: Index Only Scan Backward using job_flow with LIMIT 1 for each, whatever the number of its jobs.
WITH RECURSIVE f (flow) AS (
  (SELECT terms ->> 'flow' FROM offload.job WHERE terms ->> 'flow' IS NOT NULL AND terms ->> 'flow' < $1 ORDER BY terms ->> 'flow' DESC LIMIT 1)
  UNION ALL
  SELECT (SELECT terms ->> 'flow' FROM offload.job WHERE terms ->> 'flow' IS NOT NULL AND terms ->> 'flow' < f.flow ORDER BY terms ->> 'flow' DESC LIMIT 1)
  FROM f WHERE f.flow IS NOT NULL
)
SELECT flow FROM f WHERE flow IS NOT NULL LIMIT $2
