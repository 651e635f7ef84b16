-- Read schedules, by name.
--   ?1 names, JSON array; NULL is all
SELECT name, spec, in_code, next_at, paused, declared_at, last_at, last_job FROM offload_schedule
WHERE ?1 IS NULL OR name IN (SELECT value FROM json_each(?1)) ORDER BY name
