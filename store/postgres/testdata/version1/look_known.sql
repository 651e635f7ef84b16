-- The earliest run_at of lanes that are known, each from its mark on.
--   $1 queues  $2 priorities  $3 marks
-- Plan: Index Scan using due_pkey, a row for each lane.
SELECT lane.queue, lane.priority::int, first.run_at
FROM unnest($1::text[], $2::smallint[], $3::timestamptz[]) AS lane (queue, priority, mark)
CROSS JOIN LATERAL (
    SELECT run_at FROM offload.due
    WHERE due.queue = lane.queue AND due.priority = lane.priority AND due.run_at >= lane.mark
    ORDER BY run_at, id LIMIT 1
) AS first
