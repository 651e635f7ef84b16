-- Make a task known, or known again. Whether it is paused stays.
--   ?1 name   ?2 queue   ?3 rules   ?4 schema   ?5 now
INSERT INTO offload_task (name, queue, rules, schema, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO UPDATE SET queue = excluded.queue, rules = excluded.rules, schema = excluded.schema, seen_at = excluded.seen_at
