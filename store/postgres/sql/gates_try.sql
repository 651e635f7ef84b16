-- Lock gates that nobody else has locked. Out of order nothing is waited for.
--   $1 ids
-- Plan: Index Scan using gate_pkey.
SELECT g.id FROM offload.gate AS g WHERE g.id = ANY ($1::text[]) ORDER BY g.id FOR UPDATE OF g SKIP LOCKED
