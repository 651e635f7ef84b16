-- Read limits as they hold.
--   ?1 names, JSON array
-- Plan: SEARCH offload_limit USING PRIMARY KEY.
SELECT name, coalesce(hand, max), per, burst, when_full, strict FROM offload_limit
WHERE name IN (SELECT value FROM json_each(?1))
