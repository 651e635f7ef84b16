-- Read unique keys that are free when their job has ended, and whether it has.
--   ?1 key and ?2 id after which to look   ?3 limit
-- Plan: SEARCH u USING PRIMARY KEY (key>?), and by id in up to three places.
SELECT u.key, u.id, u.until IN ('ended', 'started') AND NOT EXISTS (SELECT 1 FROM offload_due WHERE id = u.id)
    AND NOT EXISTS (SELECT 1 FROM offload_lease WHERE id = u.id)
    AND NOT EXISTS (SELECT 1 FROM offload_blocked WHERE id = u.id)
FROM offload_unique AS u WHERE (u.key, u.id) > (?1, ?2) ORDER BY u.key LIMIT ?3
