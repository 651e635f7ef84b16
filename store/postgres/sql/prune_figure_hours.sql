-- Remove figures of hours that have had their time.
--   $1 how long they are kept (µs)
DELETE FROM offload.figure_hour WHERE hour < date_trunc('hour', now() - $1::bigint * interval '1 microsecond', 'UTC')
