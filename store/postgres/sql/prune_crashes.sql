-- Forget crashes that are long ago.
--   $1 how long (µs)
DELETE FROM offload.crash WHERE last <= now() - $1::bigint * interval '1 microsecond'
