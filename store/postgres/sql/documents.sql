-- Read documents.
--   $1 kind  $2 keys  $3 key after which to read  $4 how many      (null is any)
-- Plan: Index Scan using document_pkey.
SELECT kind, key, version, at, expires_at, value FROM offload.document
WHERE ($1::text IS NULL OR kind = $1) AND ($2::text[] IS NULL OR key = ANY ($2)) AND ($3::text IS NULL OR key > $3)
  AND (expires_at IS NULL OR expires_at > now())
ORDER BY kind, key LIMIT $4::bigint
