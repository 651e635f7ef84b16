-- Have gates looked at from a time on (null is now).
--   $1 gates  $2 times
-- Plan: insert.
INSERT INTO offload.dirty (at, gate)
SELECT coalesce(w.at, clock_timestamp()), w.gate FROM unnest($1::text[], $2::timestamptz[]) AS w (gate, at)
