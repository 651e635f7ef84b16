-- Move blocked jobs of one queue into leases: those of known tasks, or a suspect.
--   $1 process  $2 queue  $3 suspect  $4 tasks, of no meaning for a suspect  $5 limit
-- Returns what claim.sql returns.
-- Plan: Index Scan using blocked_turn for each task, Tid Scan, look-ups of job.
WITH me AS MATERIALIZED (
    SELECT id FROM offload.process WHERE id = $1 AND NOT lost FOR KEY SHARE
), tasks AS MATERIALIZED (
    SELECT DISTINCT task FROM unnest($4::text[]) AS task WHERE NOT $3
    UNION ALL
    (SELECT DISTINCT task FROM offload.blocked WHERE $3 AND suspect AND queue = $2)
), picked AS MATERIALIZED (
    SELECT blocked.ctid AS place
    FROM offload.blocked
    WHERE id = ANY (ARRAY (
        SELECT found.id
        FROM me CROSS JOIN tasks
        CROSS JOIN LATERAL (
            SELECT id, priority, run_at FROM offload.blocked
            WHERE blocked.suspect = $3 AND blocked.queue = $2 AND blocked.task = tasks.task AND blocked.run_at <= now()
            ORDER BY blocked.priority, blocked.run_at, blocked.id LIMIT $5
        ) AS found
        ORDER BY found.priority, found.run_at, found.id LIMIT $5
    ))
    FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM offload.blocked WHERE ctid = ANY (ARRAY (SELECT place FROM picked))
    RETURNING id, run_at, attempt, failures, priority, uses, gate
), leased AS (
    INSERT INTO offload.lease (id, process, run_at, started_at, attempt, failures, uses, gate)
    SELECT id, $1, run_at, now(), attempt + 1, failures, uses, gate FROM taken
)
SELECT EXISTS (SELECT FROM me), now(), 0::bigint, 0::bigint, 0::bigint,
       taken.id, taken.attempt + 1, taken.failures, coalesce(crash.n, 0), taken.priority::int,
       job.task, job.input, job.large, job.tags, job.max_attempts, job.timeout, job.give_up_after, job.retain,
       taken.run_at, job.created_at
FROM (SELECT 1) AS one
LEFT JOIN taken ON true
LEFT JOIN LATERAL (
    SELECT task, tags, max_attempts, timeout, give_up_after, retain, created_at,
           octet_length(input) > 4096 AS large,
           CASE WHEN octet_length(input) <= 4096 THEN input END AS input
    FROM offload.job WHERE job.id = taken.id LIMIT 1
) AS job ON true
LEFT JOIN LATERAL (
    SELECT n FROM offload.crash
    WHERE taken.uses & 16 <> 0 AND crash.id = taken.id AND crash.last > now() - interval '72 hours' LIMIT 1
) AS crash ON true
