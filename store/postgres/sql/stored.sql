-- Which of these jobs are stored?
--   $1 ids
SELECT id::text FROM offload.job WHERE id = ANY ($1::uuid[]) AND task <> ''
