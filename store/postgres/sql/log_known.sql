-- How much there is of logs whose leases are locked, by a statement before this one.
--   $1 ids
-- Plan: look-ups by id.
SELECT id::text, lines, bytes, ended FROM offload.logged WHERE id = ANY ($1::uuid[])
