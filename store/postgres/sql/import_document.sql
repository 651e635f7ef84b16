-- Keep a document as another store has it.
--   $1 kind  $2 key  $3 version  $4 when it was written  $5 when it expires  $6 value
INSERT INTO offload.document (kind, key, version, at, expires_at, value) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (kind, key) DO UPDATE
SET version = excluded.version, at = excluded.at, expires_at = excluded.expires_at, value = excluded.value
