-- Forget turns that a new job of their key would not look at.
--   ?1 the turn of a job where none waits   ?2 limit
-- Plan: SCAN offload_turn, SEARCH offload_due USING PRIMARY KEY (queue=? AND priority=?).
DELETE FROM offload_turn WHERE (queue, priority, key) IN (
    SELECT queue, priority, key FROM offload_turn AS t
    WHERE end_at <= 100 * coalesce((SELECT run_at FROM offload_due WHERE queue = t.queue AND priority = t.priority ORDER BY run_at, id LIMIT 1), ?1)
    LIMIT ?2
)
