-- Store a schedule.
--   $1 name  $2 spec  $3 next  $4 declared  $5 last  $6 job of the last  $7 paused
INSERT INTO offload.schedule (name, spec, next_at, declared_at, last_at, last_job, paused) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, next_at = excluded.next_at, declared_at = excluded.declared_at,
    last_at = excluded.last_at, last_job = excluded.last_job, paused = excluded.paused
