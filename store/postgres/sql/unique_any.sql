-- Is any of these unique keys there?
--   $1 keys
-- Plan: look-ups of uniq, up to the first that is there.
SELECT EXISTS (
    SELECT FROM unnest($1::text[]) AS w (key)
    CROSS JOIN LATERAL (SELECT FROM offload.uniq AS u WHERE u.key = w.key LIMIT 1) AS u
)
