-- Read the processes that are alive, by id.
SELECT id, name, host, pid, version, queues, running, memory, stuck, started_at, beat_at, beats, quiet, stop
FROM offload_process WHERE gone_at IS NULL ORDER BY id
