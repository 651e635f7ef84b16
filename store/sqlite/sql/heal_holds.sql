-- Read what jobs hold of limits, and whether they are in no place where they may hold something.
--   ?1 gate and ?2 id after which to look   ?3 limit
-- Plan: SEARCH h USING PRIMARY KEY ((gate,id)>(?,?)), and by id in up to three places.
SELECT h.gate, h.id, NOT EXISTS (SELECT 1 FROM offload_due WHERE id = h.id)
    AND NOT EXISTS (SELECT 1 FROM offload_lease WHERE id = h.id)
    AND NOT EXISTS (SELECT 1 FROM offload_blocked WHERE id = h.id)
FROM offload_hold AS h WHERE (h.gate, h.id) > (?1, ?2) ORDER BY h.gate, h.id LIMIT ?3
