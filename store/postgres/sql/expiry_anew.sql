-- Say anew when jobs expire whose time, or whose terms, have changed. What waits for others does not expire.
--   $1 ids
-- Plan: look-ups by id.
WITH gone AS (
    DELETE FROM offload.expiry WHERE id = ANY ($1::uuid[])
      AND (SELECT 1 FROM offload.job AS j WHERE j.id = expiry.id AND j.terms -> 'expire' IS NOT NULL LIMIT 1) IS NULL
)
INSERT INTO offload.expiry (id, at)
SELECT j.id, p.run_at + (j.terms ->> 'expire')::bigint / 1000 * interval '1 microsecond'
FROM offload.job AS j
CROSS JOIN LATERAL (
    (SELECT coalesce(due_at, run_at) AS run_at FROM offload.due AS d WHERE d.id = j.id AND d.uses & 2048 = 0 LIMIT 1)
    UNION ALL
    (SELECT coalesce(due_at, run_at) FROM offload.blocked AS b WHERE b.id = j.id AND b.uses & 2048 = 0 AND (b.gate IS NULL OR b.gate NOT IN ('after', 'held')) LIMIT 1)
) AS p
WHERE j.id = ANY ($1::uuid[]) AND j.terms -> 'expire' IS NOT NULL
ON CONFLICT (id) DO UPDATE SET at = excluded.at
