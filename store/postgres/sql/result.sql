-- Keep results of completed jobs.
--   $1 ids  $2 results
INSERT INTO offload.result (id, result)
SELECT * FROM unnest($1::uuid[], $2::bytea[])
ON CONFLICT (id) DO UPDATE SET result = excluded.result
