-- Lines of a job's log after one of them, oldest first.
--   $1 id  $2 number  $3 how many at most
-- Plan: Index Scan using log_pkey.
SELECT seq, attempt, at, level, text, attrs FROM offload.log WHERE id = $1 AND seq > $2 ORDER BY seq LIMIT $3
