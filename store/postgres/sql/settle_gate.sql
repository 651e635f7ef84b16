-- Let jobs wait for others, or for a person, whose rows are locked.
--   $1 ids  $2 'after' or 'held'
-- Plan: look-ups by id, Tid Scan.
UPDATE offload.blocked SET gate = $2::text WHERE ctid = ANY (ARRAY (
    SELECT (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) FROM unnest($1::uuid[]) AS w (id)))
