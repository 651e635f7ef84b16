-- Add up the figures that processes have written for minutes that have passed, under the zero id.
WITH parts AS MATERIALIZED (
    DELETE FROM offload.figure
    WHERE minute < date_trunc('minute', now()) - interval '1 minute' AND part <> '00000000-0000-0000-0000-000000000000'
    RETURNING minute, task, queue, outcome, count, wait, run
), sums AS (
    SELECT minute, task, queue, outcome, sum(count)::bigint AS count FROM parts GROUP BY minute, task, queue, outcome
), slots AS (
    SELECT minute, task, queue, outcome, u.i, sum(coalesce(u.w, 0))::bigint AS w, sum(coalesce(u.r, 0))::bigint AS r
    FROM parts CROSS JOIN unnest(parts.wait, parts.run) WITH ORDINALITY AS u (w, r, i)
    GROUP BY minute, task, queue, outcome, u.i
), lists AS (
    SELECT minute, task, queue, outcome, array_agg(w ORDER BY i) AS wait, array_agg(r ORDER BY i) AS run
    FROM slots GROUP BY minute, task, queue, outcome
)
INSERT INTO offload.figure AS f (minute, part, task, queue, outcome, count, wait, run)
SELECT minute, '00000000-0000-0000-0000-000000000000', task, queue, outcome, count, wait, run
FROM sums JOIN lists USING (minute, task, queue, outcome) ORDER BY minute, task, queue, outcome
ON CONFLICT (minute, part, task, queue, outcome) DO UPDATE
SET count = f.count + excluded.count,
    wait = offload.add_counts(f.wait, excluded.wait), run = offload.add_counts(f.run, excluded.run)
