-- Keep how far running jobs are.
--   $1 process  $2 ids  $3 attempts  $4 done  $5 total  $6 notes  $7 rates
-- Plan: look-ups of lease, upsert; the lease is touched the first time only.
WITH p AS MATERIALIZED (
    SELECT n.*, l.uses FROM unnest($2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::float8[]) AS n (id, attempt, done, total, note, rate)
    JOIN offload.lease AS l ON l.id = n.id AND l.attempt = n.attempt AND l.process = $1
), marked AS (
    UPDATE offload.lease AS l SET uses = l.uses | 64 FROM p
    WHERE l.id = p.id AND l.attempt = p.attempt AND l.process = $1 AND p.uses & 64 = 0
)
INSERT INTO offload.progress (id, attempt, done, total, at, note, rate)
SELECT id, attempt, done, total, now(), note, rate FROM p ORDER BY id
ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, done = excluded.done, total = excluded.total,
    at = excluded.at, note = excluded.note, rate = excluded.rate
