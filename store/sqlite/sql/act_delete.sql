-- Forget all of a job but its id.
--   ?1 id
UPDATE offload_job
SET task = '', queue = '', priority = 0, created_at = 0, max_attempts = 0, timeout = 0, give_up_after = 0, retain = 0, tags = NULL, input = NULL, terms = NULL
WHERE id = ?1
