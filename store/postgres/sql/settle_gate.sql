-- Let jobs wait for others, or for a person, whose rows are locked.
--   $1 ids  $2 'after' or 'held'
-- Plan: look-ups by id.
UPDATE offload.blocked SET gate = $2::text WHERE id = ANY ($1::uuid[])
