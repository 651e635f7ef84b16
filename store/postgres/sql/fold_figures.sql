-- Add up the figures of a day of minutes, the oldest, that are long gone by the hour. What is
-- counted for such a minute later is added by the next call.
--   $1 how old minutes are that are left (µs)
-- Plan: Index Scan using figure_pkey, an upsert.
WITH parts AS MATERIALIZED (
    DELETE FROM offload.figure
    WHERE minute < least(date_trunc('hour', now() - $1::bigint * interval '1 microsecond', 'UTC'),
                         (SELECT date_trunc('hour', min(minute), 'UTC') FROM offload.figure) + interval '1 day')
    RETURNING date_trunc('hour', minute, 'UTC') AS hour, task, queue, outcome, count, wait, run
), sums AS (
    SELECT hour, task, queue, outcome, sum(count)::bigint AS count FROM parts GROUP BY hour, task, queue, outcome
), slots AS (
    SELECT hour, task, queue, outcome, u.i, sum(coalesce(u.w, 0))::bigint AS w, sum(coalesce(u.r, 0))::bigint AS r
    FROM parts CROSS JOIN unnest(parts.wait, parts.run) WITH ORDINALITY AS u (w, r, i)
    GROUP BY hour, task, queue, outcome, u.i
), lists AS (
    SELECT hour, task, queue, outcome, array_agg(w ORDER BY i) AS wait, array_agg(r ORDER BY i) AS run
    FROM slots GROUP BY hour, task, queue, outcome
)
INSERT INTO offload.figure_hour AS f (hour, task, queue, outcome, count, wait, run)
SELECT hour, task, queue, outcome, count, wait, run
FROM sums JOIN lists USING (hour, task, queue, outcome) ORDER BY hour, task, queue, outcome
ON CONFLICT (hour, task, queue, outcome) DO UPDATE
SET count = f.count + excluded.count,
    wait = offload.add_counts(f.wait, excluded.wait), run = offload.add_counts(f.run, excluded.run)
