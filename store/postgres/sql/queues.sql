-- Every queue that has jobs which have not ended, or is paused, or has workers set, with counts.
--   $1 where each count stops; null is nowhere
-- Plan: loose index scans of due and blocked, then counts that stop: for what is later each lane from now on, or all that waits
-- now would be looked through.
WITH RECURSIVE waiting AS (
    (SELECT queue FROM offload.due ORDER BY queue, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue FROM waiting CROSS JOIN LATERAL (
        SELECT queue FROM offload.due WHERE due.queue > waiting.queue ORDER BY queue, priority, run_at, id LIMIT 1
    ) AS next
), running AS (
    SELECT j.queue, count(*) AS n FROM offload.lease AS l JOIN offload.job AS j ON j.id = l.id GROUP BY j.queue
), blocked AS (
    (SELECT suspect, queue FROM offload.blocked ORDER BY suspect, queue, task LIMIT 1)
    UNION ALL
    SELECT next.suspect, next.queue FROM blocked CROSS JOIN LATERAL (
        SELECT suspect, queue FROM offload.blocked AS b WHERE (b.suspect, b.queue) > (blocked.suspect, blocked.queue) ORDER BY suspect, queue, task LIMIT 1
    ) AS next
), names AS (
    SELECT queue AS name FROM waiting UNION SELECT queue FROM running UNION SELECT queue FROM blocked
    UNION SELECT name FROM offload.queue WHERE paused OR workers IS NOT NULL
)
SELECT n.name, coalesce(q.paused, false), coalesce(q.workers, 0),
       (SELECT count(*) FROM (SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.run_at <= now() LIMIT $1::bigint) AS x),
       (SELECT count(*) FROM (SELECT FROM generate_series(0, 19) AS lane CROSS JOIN LATERAL (
            SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.priority = lane AND d.run_at > now() AND d.failures = 0
            ORDER BY d.run_at, d.id LIMIT $1::bigint
        ) AS l LIMIT $1::bigint) AS x),
       (SELECT count(*) FROM (SELECT FROM generate_series(0, 19) AS lane CROSS JOIN LATERAL (
            SELECT FROM offload.due AS d WHERE d.queue = n.name AND d.priority = lane AND d.run_at > now() AND d.failures > 0
            ORDER BY d.run_at, d.id LIMIT $1::bigint
        ) AS l LIMIT $1::bigint) AS x),
       least(coalesce(r.n, 0), $1::bigint), (SELECT count(*) FROM (
            SELECT FROM unnest(ARRAY [false, true]) AS s CROSS JOIN LATERAL (
                SELECT FROM offload.blocked AS b WHERE b.suspect = s AND b.queue = n.name LIMIT $1::bigint) AS b LIMIT $1::bigint) AS x),
       (SELECT min(coalesce(x.due_at, x.run_at)) FROM generate_series(0, 19) AS lane CROSS JOIN LATERAL (
            SELECT d.run_at, d.due_at FROM offload.due AS d WHERE d.queue = n.name AND d.priority = lane ORDER BY d.run_at, d.id LIMIT 1
        ) AS x WHERE x.run_at <= now())
FROM names AS n
LEFT JOIN offload.queue AS q ON q.name = n.name LEFT JOIN running AS r ON r.queue = n.name
WHERE n.name <> 'offload'
ORDER BY n.name COLLATE "C"
