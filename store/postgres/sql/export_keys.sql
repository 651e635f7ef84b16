-- Read unique keys that are held.
--   $1 key to go on after  $2 how many at most
-- Plan: Index Scan using uniq_pkey.
SELECT key, id, until, expires_at FROM offload.uniq
WHERE key > $1::text AND (expires_at IS NULL OR expires_at > now()) ORDER BY key LIMIT $2
