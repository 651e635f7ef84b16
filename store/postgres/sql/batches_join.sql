-- Lock batches, so that they do not end before they have their new members. Returns those that are open.
--   $1 ids, in order
-- Plan: look-ups by id.
SELECT b.id::text FROM offload.blocked AS b
WHERE b.id = ANY ($1::uuid[]) AND coalesce(b.gate, '') = 'after'
  AND (SELECT j.task FROM offload.job AS j WHERE j.id = b.id LIMIT 1) = 'offload' || '.batch'
ORDER BY b.id FOR KEY SHARE OF b
