-- Store a limit.
--   $1 name  $2 max  $3 per  $4 burst  $5 when full  $6 strict  $7 when it was made known  $8 max by hand
INSERT INTO offload.limit (name, max, per, burst, when_full, strict, seen_at, by_hand) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (name) DO UPDATE SET max = excluded.max, per = excluded.per, burst = excluded.burst, when_full = excluded.when_full,
    strict = excluded.strict, seen_at = excluded.seen_at, by_hand = excluded.by_hand
