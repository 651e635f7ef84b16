-- What a process is told, and what is paused.
--   $1 process
-- Plan: look-ups, and scans of tables that are small.
SELECT now(), coalesce(p.quiet, false), coalesce(p.stop, false), coalesce(p.lost, true),
       ARRAY (SELECT name FROM offload.queue WHERE paused ORDER BY name),
       ARRAY (SELECT name FROM offload.task WHERE paused ORDER BY name),
       ARRAY (SELECT l.id FROM offload.lease AS l JOIN offload.signal AS s ON s.id = l.id WHERE l.process = $1 ORDER BY l.id),
       EXISTS (SELECT FROM offload.signal AS s WHERE NOT EXISTS (SELECT FROM offload.lease AS l WHERE l.id = s.id))
FROM (SELECT 1) AS one LEFT JOIN offload.process AS p ON p.id = $1
