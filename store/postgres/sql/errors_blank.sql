-- Take the titles of groups back to which erased jobs belong: they are made of what such jobs said.
--   $1 ids  $2 the error of an erased job
-- Plan: look-ups by failure_pkey, then of the groups, of which there are few.
UPDATE offload.error SET title = '' WHERE NOT sealed AND id = ANY (ARRAY (
    SELECT f.cause FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (
        SELECT x.cause, x.error FROM offload.failure AS x WHERE x.id = w.id ORDER BY x.attempt LIMIT 10000
    ) AS f WHERE f.error = $2 AND f.cause IS NOT NULL))
