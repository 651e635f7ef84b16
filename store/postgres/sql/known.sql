-- Which of these ids are there, of jobs or of jobs that were deleted?
--   $1 ids
-- Plan: look-ups of job.
SELECT w.id::text FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT FROM offload.job WHERE job.id = w.id LIMIT 1) AS j
