-- Store a task.
--   $1 name  $2 queue  $3 rules  $4 schema  $5 paused  $6 when it was registered
INSERT INTO offload.task (name, queue, rules, schema, paused, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, rules = excluded.rules, schema = excluded.schema, paused = excluded.paused, seen_at = excluded.seen_at
