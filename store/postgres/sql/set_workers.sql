-- Set how many jobs of a queue each process runs at once.
--   $1 name  $2 workers; null is what each says itself
INSERT INTO offload.queue (name, paused, workers) VALUES ($1, false, $2)
ON CONFLICT (name) DO UPDATE SET workers = excluded.workers
