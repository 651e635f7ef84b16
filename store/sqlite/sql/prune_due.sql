-- Find jobs whose time to be kept is over, in a stretch of ids. One is kept while another waits for it, or its batch.
--   ?1 id after which to look   ?2 last id of the stretch   ?3 now   ?4 limit
--   ?5 completed, ?6 discarded, ?7 others and ?8 any job are kept so long at least
-- Plan: SEARCH offload_done USING PRIMARY KEY (id>? AND id<?).
SELECT id, state < 5 FROM offload_done AS d
WHERE id > ?1 AND id <= ?2
  AND finished_at + CASE WHEN state = 5 THEN ?8
                         ELSE max(?8, coalesce(retain, CASE state WHEN 1 THEN ?5 WHEN 2 THEN ?6 ELSE ?7 END)) END <= ?3
  AND (uses & 139264 = 0 OR NOT EXISTS (
      SELECT 1 FROM offload_edge AS e WHERE e.up = d.id AND NOT EXISTS (SELECT 1 FROM offload_done WHERE id = e.down)
          AND EXISTS (SELECT 1 FROM offload_job WHERE id = e.down)
      UNION ALL
      SELECT 1 FROM offload_job AS j CROSS JOIN offload_blocked AS b ON b.id = unhex(replace(j.terms ->> '$.batch', '-', ''))
      WHERE j.id = d.id AND d.uses & 131072))
ORDER BY id LIMIT ?4
