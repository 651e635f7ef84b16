-- Take away the fronts of keys for which nobody waits any more.
--   ?1 gates, JSON array
-- Plan: SEARCH offload_front USING PRIMARY KEY.
DELETE FROM offload_front WHERE gate IN (SELECT value FROM json_each(?1))
