-- Find the next queue and priority with rows in due, and its earliest run_at: a step of a loose index scan.
--   ?1 queue and ?2 priority after which to look
-- Plan: SEARCH offload_due USING PRIMARY KEY ((queue,priority)>(?,?)), no sort.
SELECT queue, priority, coalesce(due_at, run_at) FROM offload_due
WHERE (queue, priority) > (?1, ?2)
ORDER BY queue, priority, run_at, id LIMIT 1
