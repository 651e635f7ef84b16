-- Give jobs their turns.
--   $1 queues  $2 lanes  $3 keys  $4 how long the turns of each are (µs)  $5 where an empty lane begins, before now (µs)
-- A key's next turn begins where its last one has ended, or with the first job that waits in the
-- lane. The row's lock makes turns of one key follow each other.
-- Plan: Index Scan using due_pkey, a row for each lane; upsert.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::bigint[]) AS w (queue, lane, key, took)
), lanes AS MATERIALIZED (
    SELECT l.queue, l.lane, coalesce((
        SELECT d.run_at FROM offload.due AS d WHERE d.queue = l.queue AND d.priority = l.lane ORDER BY d.run_at, d.id LIMIT 1
    ), clock_timestamp() - $5::bigint * interval '1 microsecond') AS began
    FROM (SELECT DISTINCT queue, lane FROM wanted) AS l
)
INSERT INTO offload.turn AS t (queue, lane, key, end_at, took)
SELECT w.queue, w.lane, w.key, l.began + w.took * interval '1 microsecond', w.took * interval '1 microsecond'
FROM wanted AS w JOIN lanes AS l ON l.queue = w.queue AND l.lane = w.lane
ORDER BY w.queue, w.lane, w.key
ON CONFLICT (queue, lane, key) DO UPDATE
SET end_at = greatest(t.end_at + excluded.took, excluded.end_at), took = excluded.took
RETURNING t.queue, t.lane::int, t.key, t.end_at - t.took
