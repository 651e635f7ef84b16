-- Find when limits, expiries and schedules have something to do, and whether the inbox and flows have.
--   ?1 schedules of code that were declared before this time do not tick
-- Plan: the left edge of five indexes.
SELECT (SELECT min(wake_at) FROM offload_gate WHERE wake_at IS NOT NULL),
       (SELECT min(at) FROM offload_expiry),
       (SELECT next_at FROM offload_schedule WHERE next_at IS NOT NULL AND NOT paused AND (declared_at IS NULL OR declared_at > ?1)
        ORDER BY next_at LIMIT 1),
       EXISTS (SELECT 1 FROM offload_inbox WHERE error IS NULL),
       (SELECT min(id) FROM offload_mark) IS NOT NULL
