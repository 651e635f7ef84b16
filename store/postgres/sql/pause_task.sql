-- Pause or resume a task, which need not be known yet.
--   $1 name  $2 paused
INSERT INTO offload.task (name, paused) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
