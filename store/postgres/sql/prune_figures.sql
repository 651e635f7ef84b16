-- Remove figures that have had their time.
--   $1 how long they are kept (µs)
DELETE FROM offload.figure WHERE minute < date_trunc('minute', now() - $1::bigint * interval '1 microsecond')
