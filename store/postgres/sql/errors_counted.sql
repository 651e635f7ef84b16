-- Failures of groups by hours.
--   $1 groups  $2 hours after that one
-- Plan: Index Scan using error_hour_pkey.
SELECT error, hour, count FROM offload.error_hour WHERE error = ANY ($1::text[]) AND hour > $2
