-- Read which jobs are due next.
--   $1 time and  $2 id behind which to look  $3 queues, null is any but offload's own
--   $4 whether those are wanted that have not failed  $5 and those that have  $6 limit
-- Plan: a loose Index Scan of queues and priorities, an Index Scan of each.
WITH RECURSIVE lane AS (
    (SELECT queue, priority FROM offload.due ORDER BY queue, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority FROM lane CROSS JOIN LATERAL (
        SELECT queue, priority FROM offload.due AS d WHERE (d.queue, d.priority) > (lane.queue, lane.priority)
        ORDER BY queue, priority, run_at, id LIMIT 1
    ) AS next
)
SELECT soon.run_at, soon.id FROM lane CROSS JOIN LATERAL (
    SELECT d.run_at, d.id FROM offload.due AS d
    WHERE d.queue = lane.queue AND d.priority = lane.priority AND d.run_at > now() AND (d.run_at, d.id) > ($1::timestamptz, $2::uuid)
      AND CASE d.failures WHEN 0 THEN $4::boolean ELSE $5::boolean END
    ORDER BY d.run_at, d.id LIMIT $6::bigint
) AS soon
WHERE CASE WHEN $3::text[] IS NULL THEN lane.queue <> 'offload' ELSE lane.queue = ANY ($3) END
ORDER BY soon.run_at, soon.id LIMIT $6
