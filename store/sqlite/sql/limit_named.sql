-- Read limits, by name.
--   ?1 names, JSON array
-- Plan: SEARCH offload_limit USING PRIMARY KEY.
SELECT name, max, per, burst, when_full, strict, hand, seen_at FROM offload_limit
WHERE name IN (SELECT value FROM json_each(?1)) ORDER BY name
