-- Keep that the store is part of a move, in the transaction that has written row 0 anew.
--   $1 the move, as JSON
UPDATE offload.migration SET name = jsonb_set(name::jsonb, '{move}', $1::jsonb)::text WHERE version = 0
