-- Keep a document, whatever is there, or if nothing is.
--   $1 kind  $2 key  $3 value  $4 for how long (µs), 0 is for ever  $5 whatever is there
-- Plan: an upsert.
INSERT INTO offload.document AS d (kind, key, version, at, expires_at, value)
VALUES ($1, $2, (extract(epoch FROM now()) * 1000000)::bigint, now(), now() + nullif($4::bigint, 0) * interval '1 microsecond', $3)
ON CONFLICT (kind, key) DO UPDATE
SET version = greatest(d.version + 1, excluded.version), at = excluded.at, expires_at = excluded.expires_at, value = excluded.value
WHERE $5::boolean OR d.expires_at <= now()
RETURNING version, at, expires_at
