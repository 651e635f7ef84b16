-- Delete a document, and say whether one of another version is there.
--   $1 kind  $2 key  $3 version, -1 is any
-- Plan: Index Scan using document_pkey, twice.
WITH dropped AS (
    DELETE FROM offload.document WHERE kind = $1 AND key = $2 AND ($3::bigint = -1 OR version = $3 OR expires_at <= now()) RETURNING key
)
SELECT EXISTS (SELECT FROM offload.document WHERE kind = $1 AND key = $2) AND NOT EXISTS (SELECT FROM dropped)
