-- Take back what jobs hold that have ended, of gates that are locked.
--   $1 gates  $2 ids of jobs, one for each
-- Plan: look-ups by id.
WITH gone AS (
    DELETE FROM offload.hold WHERE ctid = ANY (ARRAY (
        SELECT h.place FROM unnest($1::text[], $2::uuid[]) AS w (gate, id)
        CROSS JOIN LATERAL (SELECT x.ctid AS place FROM offload.hold AS x WHERE x.gate = w.gate AND x.id = w.id AND NOT x.stops LIMIT 1) AS h
        WHERE (SELECT 1 FROM offload.due AS p WHERE p.id = w.id LIMIT 1) IS NULL
          AND (SELECT 1 FROM offload.lease AS p WHERE p.id = w.id LIMIT 1) IS NULL
          AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = w.id LIMIT 1) IS NULL))
    RETURNING gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone) AS g
