-- Which jobs are stored?
--   $1 ids
SELECT id FROM offload.job WHERE id = ANY ($1::uuid[])
