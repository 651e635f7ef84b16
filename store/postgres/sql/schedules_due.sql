-- Lock schedules whose next tick has come. Those that somebody is ticking are passed over.
--   $1 how many at most  $2 how long a declaration holds (µs)  $3 names to pass over
-- Plan: Index Scan using schedule_next.
SELECT s.name FROM offload.schedule AS s
WHERE s.next_at <= clock_timestamp() AND NOT s.paused
  AND (s.declared_at IS NULL OR s.declared_at > clock_timestamp() - $2::bigint * interval '1 microsecond')
  AND s.name <> ALL ($3::text[])
ORDER BY s.next_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED
