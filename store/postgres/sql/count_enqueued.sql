-- Count the jobs whose ids were made in a span of whole minutes, and remember its end.
--   $1 from this id  $2 before this id  $3 the end
-- Plan: Index Scan using job_pkey.
WITH counted AS (
    SELECT date_trunc('minute', to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0)) AS minute,
           task, queue, count(*) AS n
    FROM offload.job WHERE id >= $1 AND id < $2 AND task <> '' GROUP BY 1, 2, 3
), moved AS (
    UPDATE offload.duty SET next_at = $3 WHERE name = 'enqueues counted'
)
INSERT INTO offload.figure AS f (minute, part, task, queue, outcome, count, wait, run)
SELECT minute, '00000000-0000-0000-0000-000000000000', task, queue, 'enqueued', n, '{0}', '{0}'
FROM counted ORDER BY minute, task, queue
ON CONFLICT (minute, part, task, queue, outcome) DO UPDATE SET count = f.count + excluded.count
