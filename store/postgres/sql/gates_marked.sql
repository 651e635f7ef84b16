-- Take marks of gates whose time has come. Those that somebody else is taking are left to him.
--   $1 how many at most
-- Plan: Index Scan using dirty_at, look-ups by id.
DELETE FROM offload.dirty WHERE id = ANY (ARRAY (
    SELECT d.id FROM offload.dirty AS d WHERE d.at <= clock_timestamp() ORDER BY d.at, d.id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING gate
