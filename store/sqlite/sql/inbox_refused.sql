-- Read rows of the inbox that were refused, newest first.
--   ?1 limit
-- Plan: SCAN offload_inbox from its end, past what was not looked at yet.
SELECT id, task, input, options, at, error FROM offload_inbox WHERE error IS NOT NULL ORDER BY id DESC LIMIT ?1
