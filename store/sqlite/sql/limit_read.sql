-- Read all limits but offload's own, by name.
SELECT name, max, per, burst, when_full, strict, hand, seen_at FROM offload_limit WHERE name NOT LIKE '~%' ORDER BY name
