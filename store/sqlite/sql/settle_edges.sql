-- Bring edges in line with what their upstreams are, and find who is at their ends. Those of jobs that do not wait for
-- others any more stay as they are.
--   ?1 upstreams that all are in one state, ids one behind the other   ?2 the state   ?3 limit   ?4 the state, or 1 to leave known ends
--   ?5, ?6 and ?7 how edges then stand that want them completed, ended and failed
-- Plan: SEARCH e USING COVERING INDEX offload_edge_up, SEARCH offload_edge USING PRIMARY KEY, and by id in two places.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1)),
wrong(down, stand, up, n) AS (
    SELECT e.down, e.stand, e.up, e.n FROM n CROSS JOIN offload_edge AS e ON e.up = substr(?1, n.i, 16) AND e.state < ?4
    UNION ALL
    SELECT e.down, e.stand, e.up, e.n FROM n CROSS JOIN offload_edge AS e ON e.up = substr(?1, n.i, 16) AND e.state > ?2
)
UPDATE offload_edge SET state = ?2, stand = CASE wants WHEN 1 THEN ?5 WHEN 2 THEN ?6 WHEN 3 THEN ?7 ELSE 6 END
WHERE (down, stand, up, n) IN (
    SELECT down, stand, up, n FROM wrong AS w
    WHERE w.stand = 6 OR EXISTS (SELECT 1 FROM offload_blocked WHERE id = w.down AND waits IN (3, 4))
          OR EXISTS (SELECT 1 FROM offload_done WHERE id = w.down AND uses & 65536)
    LIMIT ?3
)
RETURNING down, up, wants
