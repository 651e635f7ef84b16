-- Find schedules that tick now.
--   ?1 now   ?2 those of code that were declared before this time do not tick   ?3 limit
--   ?4 next_at and ?5 name after which to look
-- Plan: SEARCH offload_schedule USING INDEX offload_schedule_next ((next_at,name)>(?,?) AND next_at<?), no sort.
SELECT name, spec, in_code, next_at, paused, declared_at, last_at, last_job FROM offload_schedule
WHERE next_at IS NOT NULL AND NOT paused AND next_at <= ?1 AND (next_at, name) > (?4, ?5) AND (declared_at IS NULL OR declared_at > ?2)
ORDER BY next_at, name LIMIT ?3
