-- Have Settle look at all that waits for others, or was cut off by them, and at all batches that are open.
-- Plan: SCAN of blocked, done and of what stands in for members: once, when a store is adopted.
INSERT INTO offload_mark (id)
SELECT e.up FROM offload_blocked AS b CROSS JOIN offload_edge AS e ON e.down = b.id WHERE b.waits IN (3, 4)
UNION
SELECT e.up FROM offload_done AS d CROSS JOIN offload_edge AS e ON e.down = d.id WHERE d.uses & 65536
UNION
SELECT id FROM offload_blocked WHERE waits = 3 AND uses & 32768
ON CONFLICT DO NOTHING
