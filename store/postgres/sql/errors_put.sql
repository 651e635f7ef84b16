-- Keep a group as it is now.
--   $1 id  $2 task  $3 kind  $4 title  $5 sealed  $6 status  $7 changed at  $8 count
--   $9 first at  $10 last at  $11 job  $12 attempt  $13 keys  $14 other keys
UPDATE offload.error SET task = $2, kind = $3, title = $4, sealed = $5, status = $6, changed_at = $7, count = $8,
    first_at = $9, last_at = $10, job = $11, attempt = $12, keys = $13, other_keys = $14
WHERE id = $1
