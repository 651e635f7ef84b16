-- Insert jobs with terms, of which none is there.
--   $1 ids  $2 now  $3 tasks  $4 queues  $5 priorities  $6 inputs  $7 tags  $8 max attempts
--   $9 timeouts  $10 give up after  $11 retain  $12 terms
-- Where they lie is written by put_due.sql and its like, in the same transaction.
-- Plan: Function Scan, insert.
INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags, terms)
SELECT id, $2::timestamptz, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags::jsonb, terms::jsonb
FROM unnest($1::uuid[], $3::text[], $4::text[], $5::smallint[], $6::bytea[], $7::text[], $8::int[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])
    AS n (id, task, queue, priority, input, tags, max_attempts, timeout, give_up_after, retain, terms)
