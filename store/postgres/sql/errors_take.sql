-- Lock failures that are not grouped yet, oldest first; those that another process groups are passed over.
--   $1 how many  $2 bytes of input
-- Plan: Index Scan using failure_new, look-ups of jobs, no sort.
SELECT f.id, f.attempt, f.failed_at, f.kind, f.error, f.stack, coalesce(j.task, ''), j.head, j.tags, j.terms
FROM offload.failure AS f LEFT JOIN LATERAL (
    SELECT task, substring(input FOR $2::int) AS head, tags, terms FROM offload.job WHERE job.id = f.id LIMIT 1
) AS j ON true
WHERE f.cause IS NULL AND f.kind <> 'after'
ORDER BY f.failed_at LIMIT $1
FOR UPDATE OF f SKIP LOCKED
