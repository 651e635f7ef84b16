-- Count jobs of one place that are alike, up to a limit. What stands in braces is put in by count_up_to.go, the same each time:
-- {from} the place as p, {walk} which of it, {where} the conditions of find_where.sql with {state} and {process}.
--   ?4 to ?26 those of find_where.sql   ?27 how many are counted   ?28 how many are looked at
--   ?29 queues and priorities of due, a JSON array of pairs
-- Plan: SEARCH p by id or by queue, priority and time; SEARCH j USING PRIMARY KEY.
WITH looked AS MATERIALIZED (
    SELECT p.* FROM {from} WHERE {walk} LIMIT ?28
), counted AS (
    SELECT j.queue, j.task, j.tags, CASE WHEN ?14 THEN (SELECT error FROM offload_failure WHERE id = p.id ORDER BY attempt DESC LIMIT 1) END AS error
    FROM looked AS p CROSS JOIN offload_job AS j ON j.id = p.id
    WHERE {where}
    LIMIT ?27
)
SELECT l.n, c.queue, c.task, c.tags, c.error, c.n
FROM (SELECT count(*) AS n FROM looked) AS l
LEFT JOIN (SELECT queue, task, tags, error, count(*) AS n FROM counted GROUP BY queue, task, tags, error) AS c
