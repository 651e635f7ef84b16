-- Whose are unique keys, and how do these jobs stand?
--   $1 keys
-- Plan: look-ups of uniq, and by id.
SELECT u.key, u.id::text, u.until, u.expires_at IS NOT NULL AND u.expires_at <= clock_timestamp(),
       CASE WHEN p.uses IS NULL THEN '' WHEN p.leased THEN 'runs' WHEN p.uses & 2048 = 0 THEN 'waits' ELSE 'begun' END
FROM unnest($1::text[]) AS w (key)
CROSS JOIN LATERAL (SELECT key, id, until, expires_at FROM offload.uniq WHERE uniq.key = w.key LIMIT 1) AS u
LEFT JOIN LATERAL (
    (SELECT uses, false AS leased FROM offload.due AS d WHERE d.id = u.id LIMIT 1)
    UNION ALL
    (SELECT uses, false FROM offload.blocked AS b WHERE b.id = u.id LIMIT 1)
    UNION ALL
    (SELECT uses, true FROM offload.lease AS l WHERE l.id = u.id LIMIT 1)
) AS p ON true
