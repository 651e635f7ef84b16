-- Let jobs hold gates. One that has stopped its gate is tried again.
--   $1 gates  $2 ids of jobs  $3 weights
-- Plan: insert.
INSERT INTO offload.hold (gate, id, weight)
SELECT w.gate, w.id, w.weight FROM unnest($1::text[], $2::uuid[], $3::int[]) AS w (gate, id, weight)
ON CONFLICT (gate, id) DO UPDATE SET stops = false, weight = excluded.weight
