-- Give a group a status.
--   $1 id  $2 status
UPDATE offload.error SET changed_at = CASE WHEN status = $2 THEN changed_at ELSE clock_timestamp() END, status = $2
WHERE id = $1
RETURNING id
