-- Remove groups that have not failed for long, and counts of hours long ago.
--   $1 how long groups are kept (µs)  $2 and counts
WITH gone AS (
    DELETE FROM offload.error WHERE last_at <= now() - $1::bigint * interval '1 microsecond' RETURNING id
)
DELETE FROM offload.error_hour WHERE error = ANY (ARRAY (SELECT id FROM gone))
    OR hour < floor(extract(epoch FROM now() - $2::bigint * interval '1 microsecond') / 3600)::bigint
