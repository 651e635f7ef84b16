-- Make a process known. Joining again, after an error that leaves doubt, is joining.
--   ?1 number   ?2 id   ?3 name   ?4 host   ?5 pid   ?6 version   ?7 queues   ?8 running   ?9 memory   ?10 stuck   ?11 now
INSERT INTO offload_process (number, id, name, host, pid, version, queues, running, memory, stuck, started_at, beat_at, beats, quiet, stop)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, 0, 0, 0)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, host = excluded.host, pid = excluded.pid, version = excluded.version,
    queues = excluded.queues, running = excluded.running, memory = excluded.memory, stuck = excluded.stuck,
    started_at = excluded.started_at, beat_at = excluded.beat_at, beats = beats + 1, quiet = 0, stop = 0, gone_at = NULL
