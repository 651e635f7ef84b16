-- Count jobs of one state that are alike, up to a limit. What stands in braces is put in by count_up_to.go, the same each time:
-- {place} and {walk} which of it, {ok} what of these it is, {in_place} and {of_job} as in find.sql, whose $1 to $20 these are too.
--   $21 how many are counted  $22 how many are looked at
-- Plan: Index Scan Backward for what has ended, look-ups of job.
WITH looked AS MATERIALIZED (
    SELECT p.id, p.uses, {ok} AS ok FROM {place} AS p WHERE {walk} LIMIT $22
), counted AS (
    SELECT j.queue, j.task, j.tags
    FROM looked AS p CROSS JOIN LATERAL (
        SELECT j.queue, j.task, j.tags FROM offload.job AS j WHERE j.id = p.id AND {of_job} LIMIT 1
    ) AS j
    WHERE p.ok LIMIT $21
)
SELECT l.n, c.queue, c.task, c.tags, c.n
FROM (SELECT count(*) AS n FROM looked) AS l
LEFT JOIN (SELECT queue, task, tags, count(*) AS n FROM counted GROUP BY queue, task, tags) AS c ON true
