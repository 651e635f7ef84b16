-- Find where jobs lie, and how they have ended: 6 is a batch that is open and has a discarded member.
--   ?1 ids, one behind the other
-- Plan: look-ups by id in four places.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
SELECT d.id, 1, d.uses, 0, 0 FROM n CROSS JOIN offload_due AS d ON d.id = substr(?1, n.i, 16)
UNION ALL
SELECT d.id, 2, d.uses, 0, 0 FROM n CROSS JOIN offload_lease AS d ON d.id = substr(?1, n.i, 16)
UNION ALL
SELECT d.id, 3, d.uses, d.waits,
       CASE WHEN d.uses & 32768 AND EXISTS (SELECT 1 FROM offload_member WHERE batch = d.id AND state = 2) THEN 6 ELSE 0 END
FROM n CROSS JOIN offload_blocked AS d ON d.id = substr(?1, n.i, 16)
UNION ALL
SELECT d.id, 4, d.uses, 0, d.state FROM n CROSS JOIN offload_done AS d ON d.id = substr(?1, n.i, 16)
