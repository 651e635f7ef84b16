-- Take back what jobs hold of gates that wait again, but for those that they keep: of strict
-- limits, and of offload's own.
--   $1 gates  $2 ids of jobs  $3 names of limits, one for each  $4 as $3 of leave.sql
-- Plan: look-ups in hold and limit, Tid Scan.
WITH gone AS (
    DELETE FROM offload.hold WHERE ctid = ANY (ARRAY (
        SELECT h.place FROM unnest($1::text[], $2::uuid[], $3::text[]) AS w (gate, id, name)
        CROSS JOIN LATERAL (SELECT x.ctid AS place FROM offload.hold AS x WHERE x.gate = w.gate AND x.id = w.id LIMIT 1) AS h
        WHERE left(w.name, 1) <> '~' AND NOT EXISTS (SELECT FROM offload.limit AS l WHERE l.name = w.name AND l.strict)))
    RETURNING gate
)
INSERT INTO offload.dirty (at, gate) SELECT clock_timestamp(), gate FROM (SELECT DISTINCT gate FROM gone WHERE $4::boolean) AS g
