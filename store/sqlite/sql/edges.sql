-- Read the edges of jobs, those of each in its order.
--   ?1 ids, one behind the other
-- Plan: SEARCH e USING PRIMARY KEY (down=?), and a sort.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT e.down, e.up, e.wants, e.otherwise, e.state
FROM n CROSS JOIN offload_edge AS e ON e.down = substr(?1, n.i, 16) WHERE e.wants > 0 ORDER BY e.n
