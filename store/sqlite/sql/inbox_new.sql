-- Read rows of the inbox that were not looked at yet, oldest first.
--   ?1 limit
-- Plan: SCAN offload_inbox USING INDEX offload_inbox_new.
SELECT id, task, input, options, at, error FROM offload_inbox WHERE error IS NULL ORDER BY id LIMIT ?1
