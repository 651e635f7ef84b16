-- Take back what jobs hold of gates.
--   $1 gates  $2 ids of jobs, one for each  $3 whether Admit shall look at them, since they are not locked
-- Plan: look-ups in hold.
WITH gone AS (
    DELETE FROM offload.hold AS h USING unnest($1::text[], $2::uuid[]) AS w (gate, id)
    WHERE h.gate = w.gate AND h.id = w.id
    RETURNING h.gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone WHERE $3::boolean) AS g
