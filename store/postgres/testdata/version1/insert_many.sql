-- Insert jobs of any kinds, but for ids that are there.
--   $1 ids  $2 tasks  $3 queues  $4 priorities  $5 inputs  $6 tags  $7 max attempts
--   $8 timeouts  $9 give up after  $10 retain  $11 run at  $12 delays (µs)  $13 uses
-- As insert_one.sql.
-- Plan: Function Scan, insert, nested loop or hash join of the new rows with the list, insert.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bytea[], $6::text[], $7::int[],
                         $8::bigint[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::bigint[], $13::smallint[])
        AS n (id, task, queue, priority, input, tags, max_attempts, timeout, give_up_after, retain, run_at, delay, uses)
), added AS (
    INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags)
    SELECT id, clock_timestamp(), timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags::jsonb
    FROM wanted
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO offload.due (id, run_at, attempt, failures, priority, uses, queue)
SELECT id, CASE WHEN n.run_at IS NULL THEN clock_timestamp() + n.delay * interval '1 microsecond'
                ELSE greatest(n.run_at, clock_timestamp()) END,
       0, 0, n.priority, n.uses, n.queue
FROM added JOIN wanted n USING (id)
RETURNING id
