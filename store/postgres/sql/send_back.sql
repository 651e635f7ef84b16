-- Let claimed jobs wait whose start a limit does not allow now.
--   $1 process  $2 ids  $3 gates
-- Their attempts are spent, and were no starts.
-- Plan: look-ups of lease and job, inserts.
WITH given AS (
    DELETE FROM offload.lease AS l USING unnest($2::uuid[], $3::text[]) AS w (id, gate)
    WHERE l.id = w.id AND l.process = $1
    RETURNING l.id, l.run_at, l.started_at, l.attempt, l.failures, l.uses, w.gate
)
INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
SELECT g.id, g.run_at, CASE WHEN g.uses & 2048 <> 0 THEN g.started_at END, g.attempt, g.failures, j.priority, g.uses, false, j.queue, '', g.gate
FROM given AS g CROSS JOIN LATERAL (SELECT queue, priority FROM offload.job WHERE job.id = g.id LIMIT 1) AS j
