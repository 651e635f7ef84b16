-- Give failures their groups. They are locked.
--   $1 ids  $2 attempts  $3 groups
-- Plan: look-ups by failure_pkey, Tid Scan.
UPDATE offload.failure AS f SET cause = w.cause
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS w (id, attempt, cause) CROSS JOIN LATERAL (
    SELECT x.ctid FROM offload.failure AS x WHERE x.id = w.id AND x.attempt = w.attempt LIMIT 1
) AS at
WHERE f.ctid = at.ctid
