-- Let new jobs wait for gates.
--   $1 ids  $2 queues  $3 lanes  $4 uses  $5 run at  $6 due at, null where run_at says it  $7 gates
-- Plan: Function Scan, insert.
INSERT INTO offload.blocked (id, run_at, due_at, attempt, failures, priority, uses, suspect, queue, task, gate)
SELECT id, run_at, due_at, 0, 0, lane, uses, false, queue, '', gate
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::timestamptz[], $7::text[])
    AS n (id, queue, lane, uses, run_at, due_at, gate)
