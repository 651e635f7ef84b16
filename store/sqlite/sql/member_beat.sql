-- Count up a process's beat and keep what it says of itself.
--   ?1 id   ?2 queues   ?3 running   ?4 memory   ?5 stuck   ?6 now
UPDATE offload_process SET beats = beats + 1, beat_at = ?6, queues = ?2, running = ?3, memory = ?4, stuck = ?5
WHERE id = ?1 AND gone_at IS NULL
