-- Every queue that has jobs which have not ended, or is paused, with counts.
--   $1 where each count stops; null is nowhere
-- Plan: a loose index scan of due, then counts that stop.
WITH RECURSIVE waiting AS (
    (SELECT queue FROM offload.due ORDER BY queue, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue FROM waiting CROSS JOIN LATERAL (
        SELECT queue FROM offload.due WHERE due.queue > waiting.queue ORDER BY queue, priority, run_at, id LIMIT 1
    ) AS next
), running AS (
    SELECT j.queue, count(*) AS n FROM offload.lease AS l JOIN offload.job AS j ON j.id = l.id GROUP BY j.queue
), blocked AS (
    SELECT queue, count(*) AS n FROM offload.blocked GROUP BY queue
), names AS (
    SELECT queue AS name FROM waiting UNION SELECT queue FROM running UNION SELECT queue FROM blocked
    UNION SELECT name FROM offload.queue WHERE paused
)
SELECT n.name, coalesce(q.paused, false),
       (SELECT count(*) FROM (SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.run_at <= now() LIMIT $1::bigint) AS x),
       (SELECT count(*) FROM (SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.run_at > now() AND d.failures = 0 LIMIT $1::bigint) AS x),
       (SELECT count(*) FROM (SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.run_at > now() AND d.failures > 0 LIMIT $1::bigint) AS x),
       least(coalesce(r.n, 0), $1::bigint), least(coalesce(b.n, 0), $1::bigint),
       (SELECT min(x.run_at) FROM generate_series(0, 9) AS priority CROSS JOIN LATERAL (
            SELECT d.run_at FROM offload.due AS d WHERE d.queue = n.name AND d.priority = priority ORDER BY d.run_at LIMIT 1
        ) AS x WHERE x.run_at <= now())
FROM names AS n
LEFT JOIN offload.queue AS q ON q.name = n.name LEFT JOIN running AS r ON r.queue = n.name LEFT JOIN blocked AS b ON b.queue = n.name
WHERE n.name <> 'offload'
ORDER BY n.name COLLATE "C"
