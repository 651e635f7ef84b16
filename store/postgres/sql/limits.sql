-- Limits, by name.
--   $1 names, null is all but offload's own
SELECT name, max, per, burst, when_full, strict, by_hand, seen_at, now() FROM offload.limit
WHERE CASE WHEN $1::text[] IS NULL THEN name NOT LIKE '~%' ELSE name = ANY ($1) END
ORDER BY name
