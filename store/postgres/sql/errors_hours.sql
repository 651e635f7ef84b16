-- Count failures of hours. Their groups are locked.
--   $1 groups  $2 hours since 1970  $3 failures
INSERT INTO offload.error_hour AS h (error, hour, count)
SELECT w.error, w.hour, w.n FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS w (error, hour, n)
ON CONFLICT (error, hour) DO UPDATE SET count = h.count + excluded.count
