-- Read all limits, offload's own too.
SELECT name, max, per, burst, when_full, strict, by_hand, seen_at FROM offload.limit ORDER BY name
