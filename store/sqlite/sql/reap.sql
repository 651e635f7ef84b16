-- Find leases without a live process, by state and not by event: a claim of a process that is just being declared
-- lost may commit after it.
--   ?1 limit
-- Plan: SCAN l (there are few leases), SEARCH p.
SELECT l.id, 2, l.process, l.attempt, l.failures, l.uses, l.run_at, l.started_at, l.closer, l.closed, 0, 0, NULL, NULL
FROM offload_lease AS l LEFT JOIN offload_process AS p ON p.number = l.process
WHERE p.number IS NULL OR p.gone_at IS NOT NULL
LIMIT ?1
