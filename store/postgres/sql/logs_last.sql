-- The last lines of a job's log after one of them, newest first.
--   $1 id  $2 number  $3 how many at most
-- Plan: Index Scan Backward using log_pkey.
SELECT seq, attempt, at, level, text, attrs FROM offload.log WHERE id = $1 AND seq > $2 ORDER BY seq DESC LIMIT $3
