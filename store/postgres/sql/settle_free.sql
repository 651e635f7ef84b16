-- Let jobs go that have waited for others, whose rows are locked.
--   $1 ids
-- They are due at their time, or now. Limits and turns are decided next: in blocked, or where their time has
-- not come, by the claim that comes upon them.
-- By place, as admit.sql. (With a sum in place of run_at no plan takes an index that has it.)
-- Plan: look-ups by id, Tid Scans, insert.
WITH places AS MATERIALIZED (
    SELECT (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place FROM unnest($1::uuid[]) AS w (id)
), freed AS (
    DELETE FROM offload.blocked WHERE ctid = ANY (ARRAY (SELECT place FROM places)) AND (uses & 256 = 0 OR run_at > now())
    RETURNING id, run_at, started_at, attempt, failures, priority, uses, queue
), open AS (
    UPDATE offload.blocked SET gate = '', uses = uses | 4608, run_at = greatest(run_at, clock_timestamp())
    WHERE ctid = ANY (ARRAY (SELECT place FROM places)) AND uses & 256 <> 0 AND run_at + interval '0' <= now()
)
INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
SELECT id, greatest(run_at, clock_timestamp()), started_at, attempt, failures, priority,
       CASE WHEN uses & 256 = 0 THEN uses ELSE uses | 4608 END, queue
FROM (SELECT * FROM freed ORDER BY run_at, id) AS f
