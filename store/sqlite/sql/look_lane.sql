-- Find the next queue and priority with rows in due, and its earliest run_at: a step of a loose index scan.
--   ?1 queue and ?2 priority after which to look
-- Not (queue, priority) > (?1, ?2): SQLite starts such a range at its edge and walks over all that are equal, which are
-- the whole backlog of the lane before.
-- Plan: SEARCH offload_due USING PRIMARY KEY (queue=? AND priority>?), and of those (queue>?); the sort is of two rows.
SELECT queue, priority, at FROM (
    SELECT * FROM (
        SELECT queue, priority, coalesce(due_at, run_at) AS at FROM offload_due
        WHERE queue = ?1 AND priority > ?2 ORDER BY priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT * FROM (
        SELECT queue, priority, coalesce(due_at, run_at) FROM offload_due
        WHERE queue > ?1 ORDER BY queue, priority, run_at, id LIMIT 1)
) ORDER BY queue, priority LIMIT 1
