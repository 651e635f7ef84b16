-- What a process is told, and what is paused.
--   $1 process  $2 how long a schedule's declaration holds (µs)
-- Then when there is something to do for whoever comes first: for Admit, Expire and Tick, and whether
-- there are rows in the inbox, and marks.
-- Plan: look-ups, scans of tables that are small, and a row each from the left of blocked_gate, dirty_at,
-- expiry_at, schedule_next, inbox_new, mark_pkey.
SELECT now(), coalesce(p.quiet, false), coalesce(p.stop, false), coalesce(p.lost, true),
       ARRAY (SELECT name FROM offload.queue WHERE paused ORDER BY name),
       ARRAY (SELECT name FROM offload.task WHERE paused ORDER BY name),
       (SELECT json_object_agg(name, workers) FROM offload.queue WHERE workers IS NOT NULL),
       ARRAY (SELECT l.id FROM offload.lease AS l JOIN offload.signal AS s ON s.id = l.id WHERE l.process = $1 ORDER BY l.id),
       EXISTS (SELECT FROM offload.signal AS s WHERE NOT EXISTS (SELECT FROM offload.lease AS l WHERE l.id = s.id)),
       CASE WHEN EXISTS (SELECT FROM offload.blocked AS b WHERE b.gate = '') THEN now()
            ELSE (SELECT d.at FROM offload.dirty AS d ORDER BY d.at, d.id LIMIT 1) END,
       (SELECT e.at FROM offload.expiry AS e ORDER BY e.at, e.id LIMIT 1),
       (SELECT c.next_at FROM offload.schedule AS c
        WHERE c.next_at IS NOT NULL AND NOT c.paused AND (c.declared_at IS NULL OR c.declared_at > now() - $2::bigint * interval '1 microsecond')
        ORDER BY c.next_at LIMIT 1),
       EXISTS (SELECT FROM offload.inbox AS i WHERE i.error IS NULL), (SELECT 1 FROM offload.mark AS m ORDER BY m.n LIMIT 1) IS NOT NULL
FROM (SELECT 1) AS one LEFT JOIN offload.process AS p ON p.id = $1
