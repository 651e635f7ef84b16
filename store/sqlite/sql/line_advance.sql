-- Put the next to the front of some lines, since the first has gone through.
--   ?1 gates, JSON array
-- Plan: SEARCH offload_front USING PRIMARY KEY (gate=?), SEARCH l USING PRIMARY KEY (gate=? AND (priority,run_at,id)>(?,?,?)).
UPDATE offload_front
SET passed = passed + 1,
    (priority, run_at, id, queue, waits) = (
        SELECT l.priority, l.run_at, l.id, l.queue, l.waits FROM offload_line AS l
        WHERE l.gate = offload_front.gate AND (l.priority, l.run_at, l.id) > (offload_front.priority, offload_front.run_at, offload_front.id)
        ORDER BY l.priority, l.run_at, l.id LIMIT 1)
WHERE gate IN (SELECT value FROM json_each(?1))
RETURNING gate, id IS NULL, passed
