-- Schedules, by name.
--   $1 names, null is all
SELECT s.name, s.spec, s.next_at, s.declared_at, s.last_at, s.last_job, s.paused, coalesce(p.state, '')
FROM offload.schedule AS s
LEFT JOIN LATERAL (
    (SELECT CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
     FROM offload.due AS d WHERE d.id = s.last_job LIMIT 1)
    UNION ALL
    (SELECT 'running' FROM offload.lease AS l WHERE l.id = s.last_job LIMIT 1)
    UNION ALL
    (SELECT 'blocked' FROM offload.blocked AS b WHERE b.id = s.last_job LIMIT 1)
    UNION ALL
    (SELECT CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END
     FROM offload.done AS n WHERE n.id = s.last_job AND n.outcome < 9 LIMIT 1)
) AS p ON true
WHERE $1::text[] IS NULL OR s.name = ANY ($1)
ORDER BY s.name
