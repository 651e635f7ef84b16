-- Read all schedules, by name.
SELECT name, spec, in_code, next_at, paused, declared_at, last_at, last_job FROM offload_schedule ORDER BY name
