-- Lock the rows of jobs that wait, as far as nobody else has them. Returns those that somebody has.
--   $1 ids
-- Who acts on several jobs waits for none of them while it holds others: whoever lets jobs through a
-- limit holds rows too, and may want one of these.
-- Plan: look-ups by id.
WITH d AS MATERIALIZED (
    SELECT id FROM offload.due WHERE id = ANY ($1::uuid[]) FOR UPDATE SKIP LOCKED
), b AS MATERIALIZED (
    SELECT id FROM offload.blocked WHERE id = ANY ($1::uuid[]) FOR UPDATE SKIP LOCKED
)
SELECT p.id::text
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    (SELECT x.id FROM offload.due AS x WHERE x.id = w.id LIMIT 1)
    UNION ALL
    (SELECT x.id FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1)
) AS p
WHERE p.id NOT IN (SELECT id FROM d UNION ALL SELECT id FROM b)
