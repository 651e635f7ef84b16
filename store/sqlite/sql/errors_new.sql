-- Read failures that are not grouped yet, oldest first.
--   ?1 limit   ?2 bytes of input
-- Plan: SCAN f USING INDEX offload_failure_new, look-ups of the rest, no sort.
SELECT f.id, f.attempt, f.failed_at, f.kind, f.error, f.stack, coalesce(j.task, ''), substr(j.input, 1, ?2), j.tags, j.terms
FROM offload_failure AS f LEFT JOIN offload_job AS j ON j.id = f.id
WHERE f.cause IS NULL AND f.kind <> 'after'
ORDER BY f.failed_at LIMIT ?1
