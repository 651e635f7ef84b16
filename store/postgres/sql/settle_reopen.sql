-- Let jobs that were cut off, and batches, wait again, whose rows are locked.
--   $1 ids
-- What waits for them is looked at next.
-- Plan: look-ups by id, inserts.
WITH again AS (
    DELETE FROM offload.done WHERE id = ANY ($1::uuid[])
    RETURNING id, run_at, started_at, attempt, failures, uses & ~512 AS uses
), forgotten AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT id FROM again)) AND kind = 'after'
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM again WHERE uses & 16384 <> 0
)
INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
SELECT a.id, a.run_at, a.started_at, a.attempt, a.failures, j.priority, a.uses, false, j.queue, '', 'after'
FROM again AS a CROSS JOIN LATERAL (SELECT queue, priority FROM offload.job WHERE job.id = a.id LIMIT 1) AS j
