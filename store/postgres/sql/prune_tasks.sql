-- Forget tasks that no process has registered for long. That one is paused is not forgotten.
--   $1 how long (µs)
WITH old AS (
    SELECT name, paused FROM offload.task WHERE seen_at <= now() - $1::bigint * interval '1 microsecond' ORDER BY name FOR UPDATE
), gone AS (
    DELETE FROM offload.task WHERE name IN (SELECT name FROM old WHERE NOT paused)
)
UPDATE offload.task SET seen_at = NULL, rules = NULL, schema = NULL, queue = '' WHERE name IN (SELECT name FROM old WHERE paused)
