-- The flows of jobs, newest first.
--   ?1 only those with an id before this   ?2 how many
-- Plan: SEARCH job USING COVERING INDEX offload_job_flow for each, whatever the number of its jobs.
WITH RECURSIVE f (flow) AS (
  SELECT max(terms ->> '$.flow') FROM offload_job
  WHERE terms ->> '$.flow' IS NOT NULL AND terms ->> '$.flow' < ?1
  UNION ALL
  SELECT (SELECT max(terms ->> '$.flow') FROM offload_job WHERE terms ->> '$.flow' IS NOT NULL AND terms ->> '$.flow' < f.flow)
  FROM f WHERE f.flow IS NOT NULL LIMIT ?2
)
SELECT flow FROM f WHERE flow IS NOT NULL
