-- Take a duty, if its time has come.
--   $1 name  $2 how often (µs)
INSERT INTO offload.duty AS d (name, next_at) VALUES ($1, now() + $2::bigint * interval '1 microsecond')
ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at WHERE d.next_at <= now()
RETURNING name
