-- Look at jobs that wait for others, or were cut off, and at batches, whose rows are locked.
--   $1 ids
-- Returns, of each: whether it lies in done, its gate, whether its time has come, uses, queue, priority and task, how long it is kept,
-- its terms if it may end now, or go on, whether it can expire; whether it is a batch; whether something is open, which of its
-- members say how a batch ends (1 discarded, 2 others that have not completed); the first edge that
-- can't be met any more.
-- Plan: look-ups by id, Index Only Scans using edge_down that stop at the first row.
SELECT w.id, p.ended, p.gate, p.run_at <= now(), p.uses, j.queue, j.priority::int, j.task, j.retain,
       CASE WHEN j.batch OR p.ended OR c.up IS NOT NULL THEN j.terms END, j.terms -> 'expire' IS NOT NULL, j.batch,
       CASE WHEN j.batch THEN (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 3 AND e.state IS NULL LIMIT 1) IS NOT NULL
            ELSE (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 0 AND e.state IS NULL LIMIT 1) IS NOT NULL
              OR (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 1 AND e.state IS NULL LIMIT 1) IS NOT NULL
              OR f.there AND NOT f.met END,
       CASE WHEN NOT j.batch THEN 0
            WHEN (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 3 AND e.state = 1 LIMIT 1) IS NOT NULL THEN 1
            WHEN (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 3 AND e.state > 0 LIMIT 1) IS NOT NULL THEN 2
            ELSE 0 END,
       c.up, c.wants, c.state, c.hold
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
    (SELECT false AS ended, b.gate, b.run_at, b.uses FROM offload.blocked AS b WHERE b.id = w.id LIMIT 1)
    UNION ALL
    (SELECT true, NULL, d.run_at, d.uses FROM offload.done AS d WHERE d.id = w.id LIMIT 1)
) AS p
CROSS JOIN LATERAL (
    SELECT queue, priority, task, retain, terms, task = 'offload' || '.batch' AS batch FROM offload.job WHERE job.id = w.id LIMIT 1
) AS j
CROSS JOIN LATERAL (
    SELECT (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 2 LIMIT 1) IS NOT NULL AS there,
           (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 2 AND e.state IN (1, 5) LIMIT 1) IS NOT NULL AS met,
           (SELECT 1 FROM offload.edge AS e WHERE e.down = w.id AND e.wants = 2 AND e.state IS NULL LIMIT 1) IS NOT NULL AS open
) AS f
LEFT JOIN LATERAL (
    (SELECT e.up, e.wants, e.state, e.hold, e.n FROM offload.edge AS e
     WHERE e.down = w.id AND e.wants = 0 AND e.state > 0 ORDER BY e.n LIMIT 1)
    UNION ALL
    (SELECT e.up, e.wants, e.state, e.hold, e.n FROM offload.edge AS e
     WHERE f.there AND NOT f.met AND NOT f.open AND e.down = w.id AND e.wants = 2 ORDER BY e.n LIMIT 1)
    ORDER BY n LIMIT 1
) AS c ON true
