-- Where a job stands.
--   $1 id  $2 how many due jobs are counted at most
-- Ahead are the due jobs of its queue that a claim takes before it: priority, then those without
-- a turn, then run_at.
-- Plan: look-ups by id; Index Scan using due_pkey and Index Only Scan using blocked_gate, as far as counted.
SELECT coalesce((SELECT paused FROM offload.queue AS q WHERE q.name = j.queue), false),
       coalesce((SELECT paused FROM offload.task AS t WHERE t.name = j.task), false),
       p.gate,
       CASE WHEN p.gate NOT IN ('', 'after', 'held') THEN (
           SELECT count(*) FROM offload.blocked AS b
           WHERE b.gate = p.gate AND (b.priority, b.run_at, b.id) <= (p.priority, p.run_at, p.id)
       ) ELSE 0 END::int,
       CASE WHEN p.id IS NOT NULL THEN (
           SELECT count(*) FROM (
               SELECT FROM generate_series(0, 19) AS lane
               CROSS JOIN LATERAL (
                   SELECT FROM offload.due AS d
                   WHERE d.queue = p.queue AND d.priority = lane AND d.run_at <= now() AND d.id <> p.id
                     AND (lane % 10 < p.priority % 10 OR lane % 10 = p.priority % 10 AND lane < p.priority
                          OR lane = p.priority AND (d.run_at, d.id) < (p.run_at, p.id))
                   LIMIT $2
               ) AS d LIMIT $2
           ) AS x
       ) ELSE 0 END::int,
       coalesce(p.uses & 2048 = 0 AND (p.gate IS NULL OR p.gate NOT IN ('after', 'held')), false),
       coalesce((
           SELECT sum(f.count) FROM offload.figure AS f
           WHERE f.minute > date_trunc('minute', now() - interval '5 minutes') AND f.queue = j.queue
             AND f.outcome NOT IN ('enqueued', 'retry', 'snooze')
       ), 0)::bigint
FROM offload.job AS j
LEFT JOIN LATERAL (
    (SELECT d.id, d.queue, d.priority, d.run_at, d.uses, NULL::text AS gate FROM offload.due AS d WHERE d.id = j.id LIMIT 1)
    UNION ALL
    (SELECT b.id, b.queue, b.priority, b.run_at, b.uses, b.gate FROM offload.blocked AS b WHERE b.id = j.id LIMIT 1)
) AS p ON true
WHERE j.id = $1 AND j.task <> ''
