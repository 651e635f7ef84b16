-- Keep how much of logs there is. Their leases, or ends, are touched the first time only.
--   $1 ids  $2 lines  $3 bytes  $4 whether the log is full
-- Plan: look-ups by id, upsert.
WITH marked AS (
    UPDATE offload.lease SET uses = uses | -32768 WHERE id = ANY ($1::uuid[]) AND uses & -32768 = 0
), ended AS (
    UPDATE offload.done SET uses = uses | -32768 WHERE id = ANY ($1::uuid[]) AND uses & -32768 = 0
)
INSERT INTO offload.logged (id, lines, bytes, ended)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::boolean[])
ON CONFLICT (id) DO UPDATE SET lines = excluded.lines, bytes = excluded.bytes, ended = excluded.ended
