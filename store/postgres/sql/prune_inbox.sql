-- Remove rows of the inbox that were refused and have had their time. Who moves a row now keeps it.
--   $1 how long they are kept (µs)
-- Plan: Index Scan using inbox_pkey, over what was refused.
DELETE FROM offload.inbox WHERE id = ANY (ARRAY (
    SELECT i.id FROM offload.inbox AS i
    WHERE i.error IS NOT NULL AND i.at <= now() - $1::bigint * interval '1 microsecond'
    ORDER BY i.id LIMIT 10000 FOR UPDATE SKIP LOCKED))
