-- Forget unique keys whose time is over.
-- Plan: Index Scan using uniq_expires.
DELETE FROM offload.uniq WHERE key = ANY (ARRAY (
    SELECT key FROM offload.uniq WHERE expires_at <= now() ORDER BY expires_at LIMIT 10000 FOR UPDATE SKIP LOCKED))
