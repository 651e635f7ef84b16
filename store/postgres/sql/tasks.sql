-- The tasks that processes have made known.
SELECT name, queue, rules, schema, paused, seen_at FROM offload.task WHERE seen_at IS NOT NULL ORDER BY name COLLATE "C"
