-- Rows of the inbox that were not looked at yet, oldest first, or those that were refused, newest
-- first.
--   $1 refused  $2 how many at most
-- Plan: Index Scan using inbox_new, or backward using inbox_pkey.
SELECT * FROM (
    (SELECT id, task, input, options, at, coalesce(error, '') FROM offload.inbox WHERE NOT $1 AND error IS NULL ORDER BY id LIMIT $2)
    UNION ALL
    (SELECT id, task, input, options, at, coalesce(error, '') FROM offload.inbox WHERE $1 AND error IS NOT NULL ORDER BY id DESC LIMIT $2)
) AS r
