-- Make a limit known, or known again. A person's change stays.
--   ?1 name   ?2 max   ?3 per   ?4 burst   ?5 when_full   ?6 strict   ?7 now
INSERT INTO offload_limit (name, max, per, burst, when_full, strict, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT DO UPDATE SET max = excluded.max, per = excluded.per, burst = excluded.burst, when_full = excluded.when_full,
    strict = excluded.strict, seen_at = excluded.seen_at
