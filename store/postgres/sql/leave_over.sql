-- Take back what jobs hold that have ended, of gates that are locked.
--   $1 gates  $2 ids of jobs, one for each
-- Plan: look-ups by id.
WITH gone AS (
    DELETE FROM offload.hold AS h USING unnest($1::text[], $2::uuid[]) AS w (gate, id)
    WHERE h.gate = w.gate AND h.id = w.id AND NOT h.stops
      AND NOT EXISTS (SELECT FROM offload.due AS p WHERE p.id = h.id)
      AND NOT EXISTS (SELECT FROM offload.lease AS p WHERE p.id = h.id)
      AND NOT EXISTS (SELECT FROM offload.blocked AS p WHERE p.id = h.id)
    RETURNING h.gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone) AS g
