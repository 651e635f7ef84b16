-- Read who waits for a key, from the first on.
--   ?1 gate   ?2 lane, ?3 run_at or turn and ?4 id of the first   ?5 limit
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND (priority,run_at,id)>(?,?,?)), no sort.
SELECT id FROM offload_line WHERE gate = ?1 AND (priority, run_at, id) >= (?2, ?3, ?4) ORDER BY priority, run_at, id LIMIT ?5
