-- Have Admit look at all keys of a limit for which somebody waits.
--   ?1 the limit's name and the character 31   ?2 the same and 32   ?3 now
-- Plan: SEARCH offload_blocked USING COVERING INDEX, once for each key.
WITH RECURSIVE g(id) AS (
    SELECT min(gate) FROM offload_blocked WHERE gate >= ?1 AND gate < ?2
    UNION ALL
    SELECT (SELECT min(gate) FROM offload_blocked WHERE gate > g.id AND gate < ?2) FROM g WHERE g.id IS NOT NULL
)
INSERT INTO offload_gate (id, wake_at) SELECT id, ?3 FROM g WHERE id IS NOT NULL
ON CONFLICT DO UPDATE SET wake_at = excluded.wake_at
