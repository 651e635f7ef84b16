-- Add up figures without their durations, as figures.sql reads them.
--   $1 tasks  $2 queues  $3 since  $4 until  $5 seconds of a step
WITH known AS (
    SELECT minute, task, queue, outcome, count FROM offload.figure
    WHERE ($1::text[] IS NULL OR task = ANY ($1)) AND ($2::text[] IS NULL OR queue = ANY ($2))
      AND ($3::timestamptz IS NULL OR minute >= $3) AND ($4::timestamptz IS NULL OR minute < $4)
    UNION ALL
    SELECT hour, task, queue, outcome, count FROM offload.figure_hour
    WHERE ($1::text[] IS NULL OR task = ANY ($1)) AND ($2::text[] IS NULL OR queue = ANY ($2))
      AND ($3::timestamptz IS NULL OR hour >= date_trunc('hour', $3, 'UTC')) AND ($4::timestamptz IS NULL OR hour < $4)
)
SELECT to_timestamp(div(extract(epoch FROM minute)::bigint, $5::bigint)::bigint * $5), task, queue, outcome, sum(count)::bigint, NULL::bigint[], NULL::bigint[]
FROM known GROUP BY 1, 2, 3, 4
