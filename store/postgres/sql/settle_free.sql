-- Let jobs go that have waited for others, whose rows are locked.
--   $1 ids
-- They are due at their time, or now. Limits and turns are decided next: in blocked, or where their time has
-- not come, by the claim that comes upon them.
-- Plan: look-ups by id, insert.
WITH freed AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[]) AND (uses & 256 = 0 OR run_at > now())
    RETURNING id, run_at, started_at, attempt, failures, priority, uses, queue
), open AS (
    UPDATE offload.blocked SET gate = '', uses = uses | 4608, run_at = greatest(run_at, clock_timestamp())
    WHERE id = ANY ($1::uuid[]) AND uses & 256 <> 0 AND run_at <= now()
)
INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
SELECT id, greatest(run_at, clock_timestamp()), started_at, attempt, failures, priority,
       CASE WHEN uses & 256 = 0 THEN uses ELSE uses | 4608 END, queue
FROM (SELECT * FROM freed ORDER BY run_at, id) AS f
