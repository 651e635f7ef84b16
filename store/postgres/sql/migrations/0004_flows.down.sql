-- Nothing waits for others any more: what has not been let go is cancelled, and can be retried.
WITH waited AS (
    DELETE FROM offload.blocked WHERE gate IN ('after', 'held') RETURNING *
), told AS (
    INSERT INTO offload.failure (id, attempt, started_at, failed_at, process, kind, error, stack)
    SELECT id, attempt, now(), now(), '', 'after', 'the database went back to a release that knows no flows', '' FROM waited
    ON CONFLICT (id, attempt) DO NOTHING
)
INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
SELECT id, now() + interval '7 days', now(), run_at, started_at, attempt, failures, 2, uses & 10749 | 4 FROM waited;
UPDATE offload.due SET uses = uses & 16383 WHERE uses > 16383;
UPDATE offload.lease SET uses = uses & 16383 WHERE uses > 16383;
UPDATE offload.blocked SET uses = uses & 16383 WHERE uses > 16383;
UPDATE offload.done SET uses = uses & 15871 WHERE uses & 16896 <> 0; -- nor is one that was cut off to go on by itself

DROP INDEX offload.job_flow;
DROP TABLE offload.edge, offload.mark;
