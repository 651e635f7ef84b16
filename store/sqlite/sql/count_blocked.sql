-- Count what is blocked in each queue, up to a limit.
--   ?1 limit, -1 is none
-- Plan: SEARCH offload_blocked USING PRIMARY KEY, twice for each queue.
WITH RECURSIVE q(name) AS (
    SELECT min(queue) FROM offload_blocked
    UNION ALL
    SELECT (SELECT min(queue) FROM offload_blocked WHERE queue > q.name) FROM q WHERE q.name IS NOT NULL
)
SELECT name, (SELECT count(*) FROM (SELECT 1 FROM offload_blocked WHERE queue = q.name LIMIT ?1)) FROM q WHERE name IS NOT NULL
