-- Move parked jobs into leases that limits let through, whose rows are locked.
--   $1 process  $2 ids
-- Returns what claim.sql returns. Divides by zero if the process was declared lost.
-- Plan: look-ups by id, inserts.
WITH me AS MATERIALIZED (
    SELECT id FROM offload.process WHERE id = $1 AND NOT lost FOR KEY SHARE
), taken AS (
    DELETE FROM offload.blocked WHERE id = ANY ($2::uuid[]) AND EXISTS (SELECT FROM me)
    RETURNING id, run_at, due_at, attempt, failures, priority, uses
), leased AS (
    INSERT INTO offload.lease (id, process, run_at, started_at, attempt, failures, uses)
    SELECT id, $1, run_at, now(), attempt + 1, failures, uses | 1024 FROM taken
)
SELECT 1 / (EXISTS (SELECT FROM me))::int = 1, now(), 0::bigint, 0::bigint, 0::bigint,
       taken.id, taken.attempt + 1, taken.failures, coalesce(crash.n, 0), taken.priority::int,
       job.task, job.input, job.large, job.tags, job.max_attempts, job.timeout, job.give_up_after, job.retain,
       taken.run_at, job.created_at, taken.due_at, taken.uses, job.terms
FROM (SELECT 1) AS one
LEFT JOIN taken ON true
LEFT JOIN LATERAL (
    SELECT task, tags, max_attempts, timeout, give_up_after, retain, created_at, terms,
           octet_length(input) > 4096 AS large,
           CASE WHEN octet_length(input) <= 4096 THEN input END AS input
    FROM offload.job WHERE job.id = taken.id LIMIT 1
) AS job ON true
LEFT JOIN LATERAL (
    SELECT n FROM offload.crash
    WHERE taken.uses & 16 <> 0 AND crash.id = taken.id AND crash.last > now() - interval '72 hours' LIMIT 1
) AS crash ON true
