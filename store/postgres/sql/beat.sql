-- Count up the beat of a process, unless it was declared lost.
--   $1 id  $2 queues  $3 running  $4 memory  $5 stuck
-- Plan: Index Scan using process_pkey; a HOT update.
UPDATE offload.process SET beats = beats + 1, beat_at = now(), queues = $2::jsonb, running = $3, memory = $4, stuck = $5
WHERE id = $1 AND NOT lost
RETURNING id
