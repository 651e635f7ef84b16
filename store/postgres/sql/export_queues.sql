-- Read the names of paused queues.
SELECT name FROM offload.queue WHERE paused ORDER BY name
