-- Remove records that have had their time.
--   $1 how long they are kept (µs)
DELETE FROM offload.record WHERE at <= now() - $1::bigint * interval '1 microsecond'
