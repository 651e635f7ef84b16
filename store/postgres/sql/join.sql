-- Make a process known. Joining again is a beat: others may have observed the first try.
--   $1 id  $2 queues  $3 running  $4 memory  $5 stuck  $6 name  $7 host  $8 pid  $9 version  $10 label
INSERT INTO offload.process (id, started_at, beat_at, memory, pid, running, name, host, version, label, queues, stuck)
VALUES ($1, now(), now(), $4, $8, $3, $6, $7, $9, $10, $2::jsonb, $5)
ON CONFLICT (id) DO UPDATE SET started_at = now(), beat_at = now(), beats = process.beats + 1, memory = $4, pid = $8, running = $3,
    quiet = false, stop = false, lost = false, asleep = false, name = $6, host = $7, version = $9, label = $10,
    queues = $2::jsonb, stuck = $5
