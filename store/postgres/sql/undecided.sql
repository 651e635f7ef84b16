-- The next jobs that are to be decided, as claims have come upon them.
--   $1 how many at most
-- Plan: Index Scan using blocked_gate, look-ups of job.
SELECT b.id::text, j.task, j.terms
FROM (SELECT id FROM offload.blocked WHERE gate = '' ORDER BY priority, run_at, id LIMIT $1) AS b
CROSS JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = b.id LIMIT 1) AS j
