-- Keep lines of logs.
--   $1 ids  $2 numbers  $3 attempts  $4 times  $5 levels  $6 texts  $7 attributes
-- Plan: Function Scan, insert.
INSERT INTO offload.log (id, seq, attempt, at, level, text, attrs)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[])
