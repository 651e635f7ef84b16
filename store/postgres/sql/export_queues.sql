-- Read the queues that are paused, or have workers set.
SELECT name, paused, workers FROM offload.queue WHERE paused OR workers IS NOT NULL ORDER BY name
