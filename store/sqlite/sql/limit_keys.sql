-- Find the keys of a limit that somebody holds or waits for, or of which there is something else to say. They may come
-- several times.
--   ?1 the limit's name and the character 31   ?2 the same and 32   ?3 limit of each
-- Plan: SEARCH offload_front and offload_gate USING PRIMARY KEY, and offload_hold once for each key.
WITH RECURSIVE h(id) AS (
    SELECT min(gate) FROM offload_hold WHERE gate >= ?1 AND gate < ?2
    UNION ALL
    SELECT (SELECT min(gate) FROM offload_hold WHERE gate > h.id AND gate < ?2) FROM h WHERE h.id IS NOT NULL LIMIT ?3
)
SELECT id FROM h WHERE id IS NOT NULL
UNION ALL SELECT gate FROM (SELECT gate FROM offload_front WHERE gate >= ?1 AND gate < ?2 AND spot IS NOT NULL LIMIT ?3)
UNION ALL SELECT id FROM (SELECT id FROM offload_gate WHERE id >= ?1 AND id < ?2 LIMIT ?3)
