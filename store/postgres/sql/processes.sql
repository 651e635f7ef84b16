-- All processes.
SELECT id, name, host, pid, version, queues, running, memory, stuck, started_at, beat_at, beats, quiet, stop, lost
FROM offload.process ORDER BY id
