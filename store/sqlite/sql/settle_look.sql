-- Look at jobs that wait for others, or were cut off by them: 0 they may go, 1 they wait, 2 their edges can't be met.
--   ?1 ids, one behind the other
-- Plan: look-ups by id in two places, SEARCH offload_edge USING PRIMARY KEY (down=? AND stand=?).
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1)),
waiting(id, uses, queue, priority, run_at, lies) AS (
    SELECT b.id, b.uses, b.queue, b.priority, b.run_at, 3 FROM n CROSS JOIN offload_blocked AS b ON b.id = substr(?1, n.i, 16)
    WHERE b.waits IN (3, 4) AND b.uses & 32768 = 0
    UNION ALL
    SELECT d.id, d.uses, '', 0, d.run_at, 4 FROM n CROSS JOIN offload_done AS d ON d.id = substr(?1, n.i, 16)
    WHERE d.state = 3 AND d.uses & 65536
)
SELECT id, uses, queue, priority, run_at, lies,
       CASE WHEN EXISTS (SELECT 1 FROM offload_edge WHERE down = w.id AND stand = 2) THEN 2
            WHEN EXISTS (SELECT 1 FROM offload_edge WHERE down = w.id AND stand = 4)
                 OR NOT EXISTS (SELECT 1 FROM offload_edge WHERE down = w.id AND stand IN (3, 5))
            THEN EXISTS (SELECT 1 FROM offload_edge WHERE down = w.id AND stand = 0)
            WHEN EXISTS (SELECT 1 FROM offload_edge WHERE down = w.id AND stand = 3) THEN 1
            ELSE 2 END
FROM waiting AS w
