-- Take rows of the inbox away that become jobs; those that are gone are another process's.
--   $1 numbers
-- Plan: Index Scan using inbox_pkey.
DELETE FROM offload.inbox WHERE id = ANY (ARRAY (
    SELECT i.id FROM offload.inbox AS i WHERE i.id = ANY ($1::bigint[]) ORDER BY i.id FOR UPDATE))
RETURNING id
