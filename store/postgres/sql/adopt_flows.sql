-- Have Settle look at all that waits for others, or was cut off by them, at members of batches that may have been
-- retried, and at all batches that are open.
-- Plan: reads all of edge and blocked, once, when a store is adopted.
INSERT INTO offload.mark (id)
SELECT e.up FROM offload.edge AS e
WHERE e.wants < 3 AND ((SELECT 1 FROM offload.blocked AS p WHERE p.id = e.down AND coalesce(p.gate, '') IN ('after', 'held') LIMIT 1) IS NOT NULL
    OR (SELECT 1 FROM offload.done AS p WHERE p.id = e.down AND p.outcome = 2 AND p.uses & 512 <> 0 LIMIT 1) IS NOT NULL)
UNION
SELECT e.up FROM offload.edge AS e
WHERE e.wants = 3 AND (e.state IS NULL) = ((SELECT 1 FROM offload.done AS p WHERE p.id = e.up LIMIT 1) IS NOT NULL)
UNION
SELECT b.id FROM offload.blocked AS b
WHERE coalesce(b.gate, '') = 'after' AND (SELECT j.task FROM offload.job AS j WHERE j.id = b.id LIMIT 1) = 'offload' || '.batch'
