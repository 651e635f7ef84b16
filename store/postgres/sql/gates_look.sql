-- Look at gates that are locked: what they say, what their limits say, what is held, and the
-- first of those that wait, as many as there may be room for, which are locked too.
--   $1 ids  $2 names of their limits  $3 how many of each at most
-- Rows that somebody holds (a transaction that cancels the job) come back as not locked. Terms are
-- left out where this limit is the only one (8192). Of a stopped gate only the job that stops it is looked at. One
-- that waits for a gate which it holds, see store.Limit.Kept, is looked at though the gate is full. With per it is one more, whose
-- turn tells when the gate opens next.
-- Plan: look-ups of gate, limit and hold for each, Index Scan using blocked_gate, look-ups of job.
SELECT clock_timestamp(), asked.id, g.full_at, g.paused_until, g.wake_at,
       l.max, l.per, l.burst, l.when_full, l.strict, h.held, h.stops::text,
       room.most, w.id::text, w.locked, w.priority::int, w.run_at, w.due_at, w.uses, w.queue, w.task, w.terms
FROM unnest($1::text[], $2::text[]) AS asked (id, name)
CROSS JOIN LATERAL (SELECT full_at, paused_until, wake_at FROM offload.gate WHERE gate.id = asked.id LIMIT 1) AS g
LEFT JOIN LATERAL (
    SELECT coalesce(by_hand, x.max) AS max, x.per, x.burst, x.when_full, x.strict,
           CASE WHEN x.burst > 0 THEN x.burst ELSE coalesce(by_hand, x.max) END AS most
    FROM offload.limit AS x WHERE x.name = asked.name LIMIT 1
) AS l ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN l.per > 0 THEN coalesce(sum(least(x.weight, l.most)) FILTER (WHERE NOT x.stops), 0)
                ELSE count(*) FILTER (WHERE NOT x.stops) END::int AS held,
           (array_agg(x.id) FILTER (WHERE x.stops))[1] AS stops
    FROM offload.hold AS x WHERE x.gate = asked.id
) AS h
CROSS JOIN LATERAL (
    SELECT least($3::int, CASE WHEN h.stops IS NOT NULL THEN 0
        WHEN l.per > 0 THEN 1 + greatest(0, l.most - h.held - ceil(l.max * greatest(0,
            extract(epoch FROM coalesce(g.full_at, clock_timestamp()) - clock_timestamp())::float8) * 1e9 / l.per))::int
        ELSE greatest(0, coalesce(l.max, 0) - h.held) END) AS most
) AS room
LEFT JOIN LATERAL (
    SELECT f.id, f.priority, f.run_at, f.due_at, f.uses, f.queue, j.task, j.terms, k.locked IS NOT NULL AS locked
    FROM (
        (SELECT b.ctid AS place, b.id, b.priority, b.run_at, b.due_at, b.uses, b.queue FROM offload.blocked AS b
         WHERE b.gate = asked.id AND b.id = h.stops)
        UNION ALL
        (SELECT b.ctid AS place, b.id, b.priority, b.run_at, b.due_at, b.uses, b.queue FROM offload.blocked AS b
         WHERE b.gate = asked.id ORDER BY b.priority, b.run_at, b.id LIMIT room.most)
        UNION ALL
        (SELECT b.place, b.id, b.priority, b.run_at, b.due_at, b.uses, b.queue FROM offload.hold AS x
         CROSS JOIN LATERAL (
             SELECT y.ctid AS place, y.id, y.priority, y.run_at, y.due_at, y.uses, y.queue FROM offload.blocked AS y
             WHERE y.id = x.id AND y.gate = asked.id LIMIT 1
         ) AS b
         WHERE (l.strict OR left(asked.name, 1) = '~') AND x.gate = asked.id AND NOT x.stops)
    ) AS f
    LEFT JOIN LATERAL (SELECT 1 AS locked FROM offload.blocked AS x WHERE x.ctid = f.place FOR UPDATE SKIP LOCKED) AS k ON true
    LEFT JOIN LATERAL (SELECT task, terms FROM offload.job WHERE f.uses & 8192 = 0 AND job.id = f.id LIMIT 1) AS j ON true
) AS w ON true
