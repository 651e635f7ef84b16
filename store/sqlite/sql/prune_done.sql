-- Take a job out of done, if it has ended as it had when it was found, and nobody needs it.
--   ?1 id   ?2 finished at or before
DELETE FROM offload_done AS d WHERE id = ?1 AND finished_at <= ?2
  AND (uses & 139264 = 0 OR NOT EXISTS (
      SELECT 1 FROM offload_edge AS e WHERE e.up = d.id AND NOT EXISTS (SELECT 1 FROM offload_done WHERE id = e.down)
          AND EXISTS (SELECT 1 FROM offload_job WHERE id = e.down)
      UNION ALL
      SELECT 1 FROM offload_job AS j CROSS JOIN offload_blocked AS b ON b.id = unhex(replace(j.terms ->> '$.batch', '-', ''))
      WHERE j.id = d.id AND d.uses & 131072))
RETURNING uses
