-- Store jobs, passing over those whose id is there. Followed by a row of 11 parameters for each.
-- Plan: none; one descent of the tree by id.
INSERT INTO offload_job (id, task, queue, priority, created_at, max_attempts, timeout, give_up_after, retain, tags, input)
