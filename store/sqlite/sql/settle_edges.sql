-- Bring edges in line with what their upstreams are, and find who is at their ends.
--   ?1 upstreams that all are in one state, ids one behind the other   ?2 the state   ?3 limit
--   ?4, ?5 and ?6 how edges then stand that want them completed, ended and failed
-- Plan: SEARCH offload_edge USING COVERING INDEX offload_edge_up, SEARCH offload_edge USING PRIMARY KEY.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
UPDATE offload_edge SET state = ?2, stand = CASE wants WHEN 1 THEN ?4 WHEN 2 THEN ?5 WHEN 3 THEN ?6 ELSE 6 END
WHERE (down, stand, up, n) IN (
    SELECT * FROM (
        SELECT e.down, e.stand, e.up, e.n FROM n CROSS JOIN offload_edge AS e ON e.up = substr(?1, n.i, 16) AND e.state < ?2
        UNION ALL
        SELECT e.down, e.stand, e.up, e.n FROM n CROSS JOIN offload_edge AS e ON e.up = substr(?1, n.i, 16) AND e.state > ?2
    ) LIMIT ?3
)
RETURNING down, up, wants
