-- Read jobs with where they are, in the order of their ids.
--   $1 id to go on after  $2 how many at most
-- Plan: Index Scan using job_pkey, look-ups of each place.
WITH page AS MATERIALIZED (
    SELECT id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags, terms
    FROM offload.job WHERE id > $1 ORDER BY id LIMIT $2
)
SELECT page.id, page.created_at, page.timeout, page.give_up_after, page.retain, page.max_attempts, page.priority::int, page.queue, page.task,
       page.input, page.tags, page.terms,
       coalesce(p.outcome, -9), p.attempt, p.failures, coalesce(p.uses, 0), p.run_at, p.started_at, p.finished_at, p.keep_until,
       p.outcome = -2 AND (p.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = page.id)),
       coalesce(p.gate, '')
FROM page LEFT JOIN LATERAL (
    (SELECT -1 AS outcome, attempt, failures, uses, coalesce(due_at, run_at) AS run_at, started_at, NULL::timestamptz AS finished_at, NULL::timestamptz AS keep_until,
            NULL::text AS gate
     FROM offload.due AS d WHERE d.id = page.id LIMIT 1)
    UNION ALL
    (SELECT -1, attempt, failures, uses, coalesce(due_at, run_at), started_at, NULL, NULL, gate FROM offload.blocked AS b WHERE b.id = page.id LIMIT 1)
    UNION ALL
    (SELECT -2, attempt, failures, uses, run_at, started_at, NULL, NULL, NULL FROM offload.lease AS l WHERE l.id = page.id LIMIT 1)
    UNION ALL
    (SELECT outcome::int, attempt, failures, uses, run_at, started_at, finished_at, keep_until, NULL FROM offload.done AS n WHERE n.id = page.id LIMIT 1)
) AS p ON true
ORDER BY page.id
