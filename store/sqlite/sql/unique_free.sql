-- Free the unique keys of jobs that have started or ended.
--   ?1 keys, JSON array   ?2 an id for each, one behind the other
-- Plan: SEARCH offload_unique USING PRIMARY KEY.
DELETE FROM offload_unique
WHERE (key, id) IN (SELECT value, substr(?2, key * 16 + 1, 16) FROM json_each(?1)) AND until IN ('ended', 'started')
