-- Insert jobs that differ in id and input only, but for ids that are there.
--   $1 ids  $2 inputs  $3 task  $4 queue  $5 priority  $6 max attempts
--   $7 timeout  $8 give up after  $9 retain  $10 run at, or null  $11 delay (µs)  $12 uses
-- As insert_one.sql. Two arrays instead of a dozen: 106,000 jobs/s against 79,000.
-- Plan: Function Scan, two inserts.
WITH added AS (
    INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input)
    SELECT id, clock_timestamp(), $7, $8, $9, $6, $5, $4, $3, input
    FROM unnest($1::uuid[], $2::bytea[]) AS n (id, input)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO offload.due (id, run_at, attempt, failures, priority, uses, queue)
SELECT id, CASE WHEN $10::timestamptz IS NULL THEN clock_timestamp() + $11::bigint * interval '1 microsecond'
                ELSE greatest($10::timestamptz, clock_timestamp()) END,
       0, 0, $5, $12, $4
FROM added
RETURNING id
