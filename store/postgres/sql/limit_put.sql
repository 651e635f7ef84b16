-- Make a limit known, or known again. A person's change stays. Returns whether it is another one now.
--   $1 name  $2 max  $3 per  $4 burst  $5 when full  $6 strict
-- Plan: upsert.
WITH was AS MATERIALIZED (
    SELECT max, per, burst, strict FROM offload.limit WHERE name = $1::text
), put AS (
    INSERT INTO offload.limit (name, max, per, burst, when_full, strict, seen_at)
    VALUES ($1::text, $2::int, $3::bigint, $4::int, $5::text, $6::boolean, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET max = excluded.max, per = excluded.per, burst = excluded.burst,
        when_full = excluded.when_full, strict = excluded.strict, seen_at = excluded.seen_at
)
SELECT NOT EXISTS (SELECT FROM was WHERE max = $2::int AND per = $3::bigint AND burst = $4::int AND strict = $6::boolean)
