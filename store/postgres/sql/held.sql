-- What do jobs hold of gates already?
--   $1 gates  $2 ids of jobs, one for each
-- Plan: look-ups in hold.
SELECT h.gate, h.id::text
FROM unnest($1::text[], $2::uuid[]) AS w (gate, id)
CROSS JOIN LATERAL (
    SELECT hold.gate, hold.id FROM offload.hold WHERE hold.gate = w.gate AND hold.id = w.id AND NOT hold.stops LIMIT 1
) AS h
