-- Take back what jobs hold of gates that wait again, but for strict limits.
--   $1 gates  $2 ids of jobs  $3 names of limits, one for each  $4 as $3 of leave.sql
-- Plan: look-ups in hold and limit.
WITH gone AS (
    DELETE FROM offload.hold AS h USING unnest($1::text[], $2::uuid[], $3::text[]) AS w (gate, id, name)
    WHERE h.gate = w.gate AND h.id = w.id
      AND NOT EXISTS (SELECT FROM offload.limit AS l WHERE l.name = w.name AND l.strict)
    RETURNING h.gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone WHERE $4::boolean) AS g
