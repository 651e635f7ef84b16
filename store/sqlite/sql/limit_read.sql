-- Read limits, by name.
--   ?1 names, JSON array; NULL is all but offload's own
SELECT name, max, per, burst, when_full, strict, hand, seen_at FROM offload_limit
WHERE CASE WHEN ?1 IS NULL THEN name NOT LIKE '~%' ELSE name IN (SELECT value FROM json_each(?1)) END
ORDER BY name
