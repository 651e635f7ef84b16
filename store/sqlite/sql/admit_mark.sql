-- Have Admit look at all keys of a limit for which somebody waits.
--   ?1 the limit's name and the character 31   ?2 the same and 32   ?3 now
-- Plan: SEARCH offload_front USING PRIMARY KEY (gate>? AND gate<?).
INSERT INTO offload_gate (id, wake_at)
SELECT gate, ?3 FROM offload_front WHERE gate >= ?1 AND gate < ?2 AND spot IS NOT NULL
ON CONFLICT DO UPDATE SET wake_at = excluded.wake_at
