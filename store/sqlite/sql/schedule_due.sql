-- Find schedules that tick now.
--   ?1 now   ?2 those of code that were declared before this time do not tick   ?3 limit   ?4 name after which to look
SELECT name, spec, in_code, next_at, paused, declared_at, last_at, last_job FROM offload_schedule
WHERE next_at IS NOT NULL AND NOT paused AND next_at <= ?1 AND (declared_at IS NULL OR declared_at > ?2) AND name > ?4
ORDER BY name LIMIT ?3
