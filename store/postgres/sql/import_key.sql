-- Store a unique key.
--   $1 key  $2 id  $3 until  $4 when it is free again
INSERT INTO offload.uniq (key, id, until, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET id = excluded.id, until = excluded.until, expires_at = excluded.expires_at
