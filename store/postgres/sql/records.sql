-- What people did since a time.
--   $1 since
SELECT id, at, who, what, jobs, filter, job FROM offload.record WHERE at >= $1 ORDER BY at DESC, id DESC LIMIT 1000
