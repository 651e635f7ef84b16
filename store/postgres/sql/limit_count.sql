-- Have starts of jobs counted that were let through before their limit did so.
--   $1 the first possible id of its gates  $2 the id after the last
-- Rows that somebody holds are left: their jobs hold the limit until they have ended.
-- Plan: Index Scan using hold_pkey, look-ups of due.
UPDATE offload.due SET uses = uses | 1024 WHERE id = ANY (ARRAY (
    SELECT d.id FROM offload.hold AS h
    CROSS JOIN LATERAL (SELECT x.id FROM offload.due AS x WHERE x.id = h.id LIMIT 1 FOR UPDATE SKIP LOCKED) AS d
    WHERE h.gate >= $1::text AND h.gate < $2::text))
