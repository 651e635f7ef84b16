-- Store a schedule, or replace the one of its name.
--   $1 name  $2 spec  $3 next  $4 in code
-- One in code changes nothing where one is that was made at run time.
-- Plan: upsert.
INSERT INTO offload.schedule AS s (name, spec, next_at, declared_at)
VALUES ($1, $2, $3, CASE WHEN $4 THEN clock_timestamp() END)
ON CONFLICT (name) DO UPDATE
SET spec = excluded.spec, declared_at = excluded.declared_at,
    next_at = CASE WHEN s.spec = excluded.spec THEN s.next_at ELSE excluded.next_at END
WHERE excluded.declared_at IS NULL OR s.declared_at IS NOT NULL
