-- Lock the gates that jobs hold which end, and others.
--   $1 gates  $2 ids of jobs, one for each  $3 other gates
-- What a running job holds changes with its lease, so it can be looked at before the lock. A
-- limit with per is held by no job that has started: its gates are left alone.
-- Plan: look-ups in hold, Index Scan using gate_pkey.
SELECT g.id FROM offload.gate AS g
WHERE g.id = ANY (ARRAY (
    SELECT h.gate
    FROM unnest($1::text[], $2::uuid[]) AS w (gate, id)
    CROSS JOIN LATERAL (SELECT hold.gate FROM offload.hold WHERE hold.gate = w.gate AND hold.id = w.id LIMIT 1) AS h
) || $3::text[])
ORDER BY g.id FOR UPDATE OF g
