-- Find jobs, newest id first. What stands in braces is put in by find.go, the same each time, for any filter or for ids alone:
-- {in_due} and the like, which jobs of a place; {of_job}, what they must be; {whole}, whether inputs and results of any size are read.
-- LIMIT 1 keeps look-ups of job what they are: stale statistics made hash joins over all of it.
-- It is planned with its parameters each time. Each place is walked by id from the newest on and
-- has its own limit, so that a page reads a page of each.
-- Plan: Index Scan Backward by id for each place asked for, look-ups of the rest.
WITH matching AS (
    (SELECT p.id, CASE WHEN p.run_at <= now() THEN 'available' WHEN p.failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state, '' AS waits, p.attempt, p.failures, p.uses, coalesce(p.due_at, p.run_at) AS run_at, p.started_at,
            NULL::timestamptz AS finished_at, NULL::uuid AS process, NULL::text AS gate
     FROM offload.due AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND {of_job} LIMIT 1) AS j
     WHERE {in_due}
     ORDER BY p.id DESC LIMIT {most})
    UNION ALL
    (SELECT p.id, 'running' AS state, '' AS waits, p.attempt, p.failures, p.uses, p.run_at, p.started_at,
            NULL::timestamptz AS finished_at, p.process AS process, NULL::text AS gate
     FROM offload.lease AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND {of_job} LIMIT 1) AS j
     WHERE {in_lease}
     ORDER BY p.id DESC LIMIT {most})
    UNION ALL
    (SELECT p.id, 'blocked' AS state, CASE WHEN p.gate IN ('after', 'held') THEN p.gate WHEN p.gate IS NOT NULL THEN 'limit' WHEN p.suspect THEN 'alone' WHEN strpos(p.task, ' ') > 0 THEN 'need' WHEN EXISTS (SELECT FROM offload.task WHERE task.name = p.task AND task.paused) THEN 'paused' ELSE 'task' END AS waits, p.attempt, p.failures, p.uses, coalesce(p.due_at, p.run_at) AS run_at, p.started_at,
            NULL::timestamptz AS finished_at, NULL::uuid AS process, CASE WHEN p.gate NOT IN ('after', 'held') THEN p.gate END AS gate
     FROM offload.blocked AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND {of_job} LIMIT 1) AS j
     WHERE {in_blocked}
     ORDER BY p.id DESC LIMIT {most})
    UNION ALL
    (SELECT p.id, CASE p.outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state, '' AS waits, p.attempt, p.failures, p.uses, p.run_at, p.started_at,
            p.finished_at AS finished_at, NULL::uuid AS process, NULL::text AS gate
     FROM offload.done AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND {of_job} LIMIT 1) AS j
     WHERE {in_done} AND p.outcome < 9
     ORDER BY p.id DESC LIMIT {most})
    ORDER BY id DESC LIMIT {most}
)
SELECT m.id, m.state, m.waits, m.attempt, m.failures, m.run_at, m.started_at, m.finished_at,
       CASE WHEN m.process IS NULL THEN '' ELSE coalesce((SELECT label FROM offload.process AS p WHERE p.id = m.process), m.process::text) END,
       m.process IS NOT NULL AND (m.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = m.id)),
       j.task, j.queue, j.priority::int, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.created_at, j.tags,
       octet_length(j.input), CASE WHEN {whole} OR octet_length(j.input) <= 4096 THEN j.input END,
       coalesce((SELECT error FROM offload.failure AS f WHERE m.uses & 4 <> 0 AND f.id = m.id ORDER BY attempt DESC LIMIT 1), ''),
       coalesce((SELECT n FROM offload.crash AS c WHERE m.uses & 16 <> 0 AND c.id = m.id AND c.last > now() - interval '72 hours'), 0),
       (SELECT CASE WHEN {whole} OR octet_length(result) <= 4096 THEN result END FROM offload.result AS r WHERE m.uses & 8 <> 0 AND r.id = m.id),
       p.done, p.total, p.at, p.note, p.rate, j.terms, m.gate
FROM matching AS m CROSS JOIN LATERAL (
    SELECT task, queue, priority, max_attempts, timeout, give_up_after, retain, created_at, tags, input, terms
    FROM offload.job WHERE job.id = m.id LIMIT 1) AS j
LEFT JOIN offload.progress AS p ON m.uses & 64 <> 0 AND p.id = m.id AND p.attempt = m.attempt
ORDER BY m.id DESC
