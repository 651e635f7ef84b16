-- Take unique keys that nobody holds, for jobs that are not there yet.
--   $1 keys  $2 ids of jobs  $3 until  $4 for how long (µs), null is no such end
--   $5 from when on, null is now  $6 also for jobs that are there
-- In the order of keys: two calls wait for each other, and not in a circle. A row that is there is
-- not locked, whatever becomes of it: somebody's transaction may be long.
-- Returns how many were taken. If that is not all of them, unique_owners.sql tells whose they are.
-- Plan: look-ups of job, insert.
WITH taken AS (
    INSERT INTO offload.uniq (key, id, until, expires_at)
    SELECT w.key, w.id, w.until, coalesce(w.since, clock_timestamp()) + w.span * interval '1 microsecond'
    FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[]) WITH ORDINALITY AS w (key, id, until, span, since, n)
    WHERE $6::boolean OR (SELECT 1 FROM offload.job WHERE job.id = w.id LIMIT 1) IS NULL
    ORDER BY w.key COLLATE "C", w.n
    ON CONFLICT (key) DO NOTHING
    RETURNING 1
)
SELECT count(*)::int FROM taken
