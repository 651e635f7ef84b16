-- Read ids of jobs with a failure of a group, newest first.
--   ?1 group   ?2 ids before   ?3 limit
-- Plan: SEARCH offload_failure USING COVERING INDEX offload_failure_cause (cause=? AND id<?), no sort.
SELECT DISTINCT id FROM offload_failure WHERE cause = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3
