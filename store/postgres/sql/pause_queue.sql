-- Pause or resume a queue, which need not have jobs yet.
--   $1 name  $2 paused
INSERT INTO offload.queue (name, paused) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
