-- Lock rows of the inbox, and take those away that become jobs or are dropped; those that are gone are
-- another process's.
--   $1 numbers to lock  $2 those of them to take
-- Plan: Index Scan using inbox_pkey.
WITH locked AS ( -- which is read as a whole, in order
    SELECT i.id FROM offload.inbox AS i WHERE i.id = ANY ($1::bigint[]) ORDER BY i.id FOR UPDATE
)
DELETE FROM offload.inbox WHERE id = ANY (ARRAY (SELECT l.id FROM locked AS l WHERE l.id = ANY ($2::bigint[])))
RETURNING id
