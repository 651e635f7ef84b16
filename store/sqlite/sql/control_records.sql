-- Read what people did, newest first.
--   ?1 since
-- Plan: SCAN offload_record, sorted; people do little.
SELECT id, at, who, what, filter, jobs, job FROM offload_record WHERE at >= ?1 ORDER BY at DESC, id DESC LIMIT 1000
