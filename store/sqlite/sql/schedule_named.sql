-- Read schedules, by name.
--   ?1 names, JSON array
-- Plan: SEARCH offload_schedule USING PRIMARY KEY.
SELECT name, spec, in_code, next_at, paused, declared_at, last_at, last_job FROM offload_schedule
WHERE name IN (SELECT value FROM json_each(?1)) ORDER BY name
