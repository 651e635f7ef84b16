-- How many jobs are in each state, without offload's own.
SELECT CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END, count(*)
FROM offload.due WHERE uses & 32 = 0 GROUP BY 1
UNION ALL
SELECT 'running', count(*) FROM offload.lease WHERE uses & 32 = 0
UNION ALL
SELECT 'blocked', count(*) FROM offload.blocked WHERE uses & 32 = 0
UNION ALL
SELECT CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END, count(*)
FROM offload.done WHERE uses & 32 = 0 AND outcome < 9 GROUP BY outcome
