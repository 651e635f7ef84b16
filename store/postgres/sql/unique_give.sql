-- Give unique keys to jobs, whosever they were; their rows are locked, or not there.
--   $1 keys  $2 ids of jobs  $3 until  $4 for how long (µs), null is no such end  $5 from when on, null is now
-- Plan: upsert.
INSERT INTO offload.uniq AS u (key, id, until, expires_at)
SELECT w.key, w.id, w.until, coalesce(w.since, clock_timestamp()) + w.span * interval '1 microsecond'
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[]) AS w (key, id, until, span, since)
ORDER BY w.key COLLATE "C"
ON CONFLICT (key) DO UPDATE SET id = excluded.id, until = excluded.until, expires_at = excluded.expires_at
