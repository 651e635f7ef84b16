-- Which of these jobs are in any place?
--   $1 ids
-- Plan: look-ups by id.
SELECT w.id FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    (SELECT 1 FROM offload.done AS p WHERE p.id = w.id LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.blocked AS p WHERE p.id = w.id LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.due AS p WHERE p.id = w.id LIMIT 1)
    UNION ALL
    (SELECT 1 FROM offload.lease AS p WHERE p.id = w.id LIMIT 1)
) AS found
