-- What a process is told, and what is paused.
--   $1 process
-- Plan: look-ups, and scans of tables that are small.
SELECT now(), coalesce(p.quiet, false), coalesce(p.stop, false), coalesce(p.lost, true),
       ARRAY (SELECT name FROM offload.queue WHERE paused ORDER BY name),
       ARRAY (SELECT name FROM offload.task WHERE paused ORDER BY name),
       ARRAY (SELECT s.id FROM offload.signal AS s
              JOIN offload.lease AS l ON l.id = s.id AND l.attempt = s.attempt WHERE l.process = $1 ORDER BY s.id)
FROM (SELECT 1) AS one LEFT JOIN offload.process AS p ON p.id = $1
