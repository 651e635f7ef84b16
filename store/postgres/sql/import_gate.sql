-- Store what is kept of a key of a limit.
--   $1 id  $2 full at  $3 paused until
INSERT INTO offload.gate (id, full_at, paused_until) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET full_at = excluded.full_at, paused_until = excluded.paused_until
