-- Take back what jobs hold of gates that were discarded. Strict gates they stop.
--   $1 gates  $2 ids of jobs  $3 names of limits, one for each  $4 as $3 of leave.sql
-- Plan: look-ups in hold and limit, Tid Scan.
WITH wanted AS MATERIALIZED (
    SELECT w.gate, w.id, EXISTS (SELECT FROM offload.limit AS l WHERE l.name = w.name AND l.strict) AS strict
    FROM unnest($1::text[], $2::uuid[], $3::text[]) AS w (gate, id, name)
), stopped AS (
    INSERT INTO offload.hold (gate, id, weight, stops) SELECT gate, id, 1, true FROM wanted WHERE strict
    ON CONFLICT (gate, id) DO UPDATE SET stops = true
), gone AS (
    DELETE FROM offload.hold WHERE ctid = ANY (ARRAY (
        SELECT h.place FROM wanted AS w
        CROSS JOIN LATERAL (SELECT x.ctid AS place FROM offload.hold AS x WHERE x.gate = w.gate AND x.id = w.id LIMIT 1) AS h
        WHERE NOT w.strict))
    RETURNING gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone WHERE $4::boolean) AS g
