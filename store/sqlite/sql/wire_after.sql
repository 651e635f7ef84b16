-- Find what waits for a job: jobs after it, and the batch that it is a member of.
--   ?1 id
-- Plan: SEARCH e USING COVERING INDEX offload_edge_up (up=?), and by id in two places.
SELECT e.down FROM offload_edge AS e
WHERE e.up = ?1 AND (EXISTS (SELECT 1 FROM offload_blocked WHERE id = e.down AND waits IN (3, 4))
      OR EXISTS (SELECT 1 FROM offload_done WHERE id = e.down AND uses & 65536))
UNION ALL
SELECT b.id FROM offload_job AS j CROSS JOIN offload_blocked AS b ON b.id = unhex(replace(j.terms ->> '$.batch', '-', ''))
WHERE j.id = ?1
