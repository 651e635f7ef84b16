-- Forget when jobs expire that have ended.
--   $1 ids
-- Plan: Index Scan using expiry_pkey.
DELETE FROM offload.expiry WHERE id = ANY ($1::uuid[])
