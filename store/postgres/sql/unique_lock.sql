-- Lock unique keys that are to be taken over, or whose jobs are to be changed.
--   $1 keys
-- Plan: Index Scan using uniq_pkey.
SELECT u.key FROM offload.uniq AS u WHERE u.key = ANY ($1::text[]) ORDER BY u.key FOR UPDATE OF u
