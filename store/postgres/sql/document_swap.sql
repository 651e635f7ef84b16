-- Keep a document in place of one that was read.
--   $1 kind  $2 key  $3 value  $4 for how long (µs), 0 is for ever  $5 version that was read
-- Plan: Index Scan using document_pkey.
UPDATE offload.document
SET version = greatest(version + 1, (extract(epoch FROM now()) * 1000000)::bigint), at = now(),
    expires_at = now() + nullif($4::bigint, 0) * interval '1 microsecond', value = $3
WHERE kind = $1 AND key = $2 AND version = $5 AND (expires_at IS NULL OR expires_at > now())
RETURNING version, at, expires_at
