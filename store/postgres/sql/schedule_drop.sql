-- Remove a schedule made at run time, or one that no program declares any more.
--   $1 name  $2 how long a declaration holds (µs)
DELETE FROM offload.schedule
WHERE name = $1 AND (declared_at IS NULL OR declared_at <= now() - $2::bigint * interval '1 microsecond')
RETURNING name
