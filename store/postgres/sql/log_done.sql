-- Lock jobs that an attempt of the process has ended which may go on to log: it has done so in a
-- transaction of its own. No two processes have an attempt of one number.
--   $1 process  $2 ids
-- Plan: look-ups by id.
SELECT d.id::text, d.attempt FROM offload.done AS d
WHERE d.id = ANY ($2::uuid[]) AND d.uses & 2 <> 0 AND d.outcome < 9
  AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $1 AND NOT p.lost)
ORDER BY d.id FOR NO KEY UPDATE OF d
