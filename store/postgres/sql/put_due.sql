-- Make new jobs due.
--   $1 ids  $2 queues  $3 lanes  $4 uses  $5 run at  $6 due at, null where run_at says it
-- Plan: Function Scan, insert.
INSERT INTO offload.due (id, run_at, due_at, attempt, failures, priority, uses, queue)
SELECT id, run_at, due_at, 0, 0, lane, uses, queue
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::timestamptz[])
    AS n (id, queue, lane, uses, run_at, due_at)
