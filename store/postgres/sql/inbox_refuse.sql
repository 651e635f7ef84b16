-- Keep why rows of the inbox are no jobs; those without a reason are looked at again.
--   $1 numbers  $2 reasons
-- Plan: look-ups of inbox.
UPDATE offload.inbox AS i SET error = nullif(w.error, '')
FROM unnest($1::bigint[], $2::text[]) AS w (id, error)
WHERE i.id = w.id AND i.error IS DISTINCT FROM nullif(w.error, '')
