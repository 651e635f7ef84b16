-- Inputs of jobs, however large.
--   $1 ids
-- Plan: Index Scan using job_pkey.
SELECT id, input FROM offload.job WHERE id = ANY ($1::uuid[]) AND task <> ''
