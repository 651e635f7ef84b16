-- Take back what jobs hold of gates.
--   $1 gates  $2 ids of jobs, one for each  $3 whether Admit shall look at them, since they are not locked
-- Plan: look-ups in hold, Tid Scan.
WITH gone AS (
    DELETE FROM offload.hold WHERE ctid = ANY (ARRAY (
        SELECT h.place FROM unnest($1::text[], $2::uuid[]) AS w (gate, id)
        CROSS JOIN LATERAL (SELECT x.ctid AS place FROM offload.hold AS x WHERE x.gate = w.gate AND x.id = w.id LIMIT 1) AS h))
    RETURNING gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone WHERE $3::boolean) AS g
