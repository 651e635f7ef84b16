-- Lock jobs of blocked, and look at them: those that wait for a gate ('' is to be decided), or that
-- are parked, with gates null. Rows that somebody holds are left to him.
--   $1 ids  $2 gate, or null
-- Plan: look-ups by id.
SELECT b.id::text, b.priority::int, b.run_at, b.due_at, b.uses, b.queue, j.task, j.terms, b.suspect
FROM (
    SELECT x.id, x.priority, x.run_at, x.due_at, x.uses, x.queue, x.suspect FROM offload.blocked AS x
    WHERE x.id = ANY ($1::uuid[]) AND x.gate IS NOT DISTINCT FROM $2::text
    FOR UPDATE SKIP LOCKED
) AS b
CROSS JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = b.id LIMIT 1) AS j
