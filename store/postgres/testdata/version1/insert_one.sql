-- Insert one job, unless its id is there.
--   $1 id  $2 task  $3 queue  $4 priority  $5 input  $6 tags  $7 max attempts
--   $8 timeout  $9 give up after  $10 retain  $11 run at, or null  $12 delay (µs)  $13 uses
-- job comes first: the transaction has its number when a row of it has been added, and run_at is
-- stamped only then (created_at is, a moment too early), so that marks of claims don't pass it by.
-- run_at is never in the past, for the same reason.
-- Plan: two inserts, no scan.
WITH added AS (
    INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags)
    VALUES ($1, clock_timestamp(), $8, $9, $10, $7, $4, $3, $2, $5, $6::jsonb)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO offload.due (id, run_at, attempt, failures, priority, uses, queue)
SELECT id, CASE WHEN $11::timestamptz IS NULL THEN clock_timestamp() + $12::bigint * interval '1 microsecond'
                ELSE greatest($11::timestamptz, clock_timestamp()) END,
       0, 0, $4, $13, $3
FROM added
RETURNING id
