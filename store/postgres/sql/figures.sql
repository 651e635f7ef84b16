-- Figures of tasks and queues (null is any) from a minute on, before another (null is no bound), by the minute and by the hour.
--   $1 tasks  $2 queues  $3 since  $4 until
SELECT minute, task, queue, outcome, count, wait, run FROM offload.figure
WHERE ($1::text[] IS NULL OR task = ANY ($1)) AND ($2::text[] IS NULL OR queue = ANY ($2))
  AND ($3::timestamptz IS NULL OR minute >= $3) AND ($4::timestamptz IS NULL OR minute < $4)
UNION ALL
SELECT hour, task, queue, outcome, count, wait, run FROM offload.figure_hour
WHERE ($1::text[] IS NULL OR task = ANY ($1)) AND ($2::text[] IS NULL OR queue = ANY ($2))
  AND ($3::timestamptz IS NULL OR hour >= date_trunc('hour', $3, 'UTC')) AND ($4::timestamptz IS NULL OR hour < $4)
