-- Store that a job keeps a strict limit, or stops it.
--   $1 gate  $2 job  $3 whether it stops it
INSERT INTO offload.hold (gate, id, weight, stops) VALUES ($1, $2, 1, $3)
ON CONFLICT (gate, id) DO UPDATE SET stops = excluded.stops
