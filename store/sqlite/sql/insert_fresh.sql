-- Find those of some jobs that lie in no place: they have just been stored by insert_job, the others were there.
--   ?1 ids, one behind the other
-- Plan: SEARCH j, then four look-ups by id.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT j.id FROM n CROSS JOIN offload_job AS j ON j.id = substr(?1, n.i, 16)
WHERE NOT EXISTS (SELECT 1 FROM offload_due WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_lease WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_blocked WHERE id = j.id)
  AND NOT EXISTS (SELECT 1 FROM offload_done WHERE id = j.id)
