-- Make a task known, or known again. Whether it is paused stays.
--   $1 name  $2 queue  $3 rules  $4 schema
INSERT INTO offload.task (name, queue, rules, schema, seen_at) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, rules = excluded.rules, schema = excluded.schema, seen_at = excluded.seen_at
