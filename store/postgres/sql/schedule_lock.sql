-- Lock a schedule.
--   $1 name
SELECT s.name FROM offload.schedule AS s WHERE s.name = $1 FOR UPDATE OF s
