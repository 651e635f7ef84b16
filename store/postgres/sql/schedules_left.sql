-- Are there schedules whose next tick has come?
--   $1 how long a declaration holds (µs)
-- Plan: Index Scan using schedule_next.
SELECT EXISTS (
    SELECT FROM offload.schedule AS s
    WHERE s.next_at <= clock_timestamp() AND NOT s.paused
      AND (s.declared_at IS NULL OR s.declared_at > clock_timestamp() - $1::bigint * interval '1 microsecond')
)
