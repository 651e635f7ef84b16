-- Lock the leases of jobs that log, so that none is given away before its lines are written.
--   $1 process  $2 ids
-- Plan: look-ups by id.
SELECT l.id::text, l.attempt FROM offload.lease AS l
WHERE l.id = ANY ($2::uuid[]) AND l.process = $1
  AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $1 AND NOT p.lost)
ORDER BY l.id FOR NO KEY UPDATE OF l
