-- Read edges, and whether something is to be done about them: 1 the job that waits is gone, 2 its upstream is not as the edge has it.
--   ?1 downstream, ?2 stand and ?3 upstream after which to look   ?4 limit
-- Plan: SEARCH e USING PRIMARY KEY ((down,stand,up)>(?,?,?)), and by id in up to four places.
SELECT e.down, e.stand, e.up,
       CASE WHEN NOT EXISTS (SELECT 1 FROM offload_job WHERE id = e.down AND task <> '') THEN 1
            WHEN e.stand <> 6 AND NOT EXISTS (SELECT 1 FROM offload_blocked WHERE id = e.down AND waits IN (3, 4))
                 AND NOT EXISTS (SELECT 1 FROM offload_done WHERE id = e.down AND uses & 65536) THEN 0
            WHEN (e.state IN (0, 6)) <> (EXISTS (SELECT 1 FROM offload_due WHERE id = e.up)
                 OR EXISTS (SELECT 1 FROM offload_lease WHERE id = e.up)
                 OR EXISTS (SELECT 1 FROM offload_blocked WHERE id = e.up)) THEN 2
            ELSE 0 END
FROM offload_edge AS e WHERE (e.down, e.stand, e.up) > (?1, ?2, ?3) ORDER BY e.down, e.stand, e.up LIMIT ?4
