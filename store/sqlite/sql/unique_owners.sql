-- Find the jobs that hold unique keys. Those of an end that has come are passed over: a program that knows nothing of
-- keys may have ended the job.
--   ?1 keys, JSON array   ?2 now
-- Plan: SEARCH u USING PRIMARY KEY, and by id in up to three places.
SELECT u.key, u.id FROM json_each(?1) AS k CROSS JOIN offload_unique AS u ON u.key = k.value
WHERE (u.expires_at IS NULL OR u.expires_at > ?2)
  AND (u.until IN ('never', '')
       OR EXISTS (SELECT 1 FROM offload_due WHERE id = u.id)
       OR EXISTS (SELECT 1 FROM offload_blocked WHERE id = u.id)
       OR u.until = 'ended' AND EXISTS (SELECT 1 FROM offload_lease WHERE id = u.id))
