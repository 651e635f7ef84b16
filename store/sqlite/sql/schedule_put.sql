-- Store a schedule, or replace that of its name, but not one made at run time by one of code. What it has done stays, and
-- when it ticks next if its spec is the same.
--   ?1 name   ?2 spec   ?3 whether it is in code   ?4 next   ?5 when it was declared, or NULL
INSERT INTO offload_schedule (name, spec, in_code, next_at, declared_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO UPDATE SET spec = excluded.spec, in_code = excluded.in_code, declared_at = excluded.declared_at,
    next_at = CASE WHEN spec IS excluded.spec THEN next_at ELSE excluded.next_at END
WHERE in_code OR NOT excluded.in_code
