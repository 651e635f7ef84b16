-- Count ended attempts of one task, queue and outcome in this minute.
--   $1 part  $2 task  $3 queue  $4 outcome  $5 how many  $6 waits  $7 runs
-- Plan: an upsert.
INSERT INTO offload.figure AS f (minute, part, task, queue, outcome, count, wait, run)
VALUES (date_trunc('minute', now()), $1, $2, $3, $4, $5, $6::bigint[], $7::bigint[])
ON CONFLICT (minute, part, task, queue, outcome) DO UPDATE
SET count = f.count + excluded.count,
    wait = offload.add_counts(f.wait, excluded.wait), run = offload.add_counts(f.run, excluded.run)
