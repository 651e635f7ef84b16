-- Have jobs looked at by whoever settles next.
--   $1 ids
-- Plan: Function Scan, insert.
INSERT INTO offload.mark (id) SELECT id FROM unnest($1::uuid[]) AS w (id)
