-- Forgets what jobs wait for. All jobs stay: what waited for others, and batches, end as cancelled, since nobody would
-- know any more when they may run.
INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, closer, closed, retain)
SELECT b.id, 3, b.attempt, b.failures, b.uses & ~1408, b.run_at, b.started_at, CAST(unixepoch('subsec') * 1e6 AS INTEGER), b.closer, b.closed, nullif(j.retain, 0)
FROM offload_blocked AS b CROSS JOIN offload_job AS j ON j.id = b.id WHERE b.waits IN (3, 4);
DELETE FROM offload_blocked WHERE waits IN (3, 4);
UPDATE offload_due SET uses = uses & 8191 WHERE uses > 8191;
UPDATE offload_blocked SET uses = uses & 8191 WHERE uses > 8191;
UPDATE offload_lease SET uses = uses & 8191 WHERE uses > 8191;
UPDATE offload_done SET uses = uses & 8191 WHERE uses > 8191;
DROP INDEX offload_job_flow;
DROP TABLE offload_mark;
DROP TABLE offload_member;
DROP TABLE offload_edge;
