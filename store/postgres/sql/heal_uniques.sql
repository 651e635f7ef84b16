-- Find unique keys of jobs that have ended: somebody had them locked then.
--   $1 key to go on after  $2 how many to look at
-- Those found are locked, and looked at again in the next statement.
-- Plan: Index Scan using uniq_pkey, look-ups by id.
SELECT u.key, u.until = 'ended' AND (SELECT 1 FROM offload.due AS p WHERE p.id = u.id LIMIT 1) IS NULL
       AND (SELECT 1 FROM offload.lease AS p WHERE p.id = u.id LIMIT 1) IS NULL
       AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = u.id LIMIT 1) IS NULL
       OR u.until = 'started' AND (SELECT 1 FROM offload.due AS p WHERE p.id = u.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL
       AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = u.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL
FROM (SELECT key, id, until FROM offload.uniq WHERE key > $1::text ORDER BY key LIMIT $2) AS u
ORDER BY u.key
