-- How the tables are.
--   $1 schema
WITH RECURSIVE lane AS (
    (SELECT queue, priority, coalesce(due_at, run_at) AS run_at FROM offload.due ORDER BY queue, priority, due.run_at, id LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.run_at
    FROM lane CROSS JOIN LATERAL (
        SELECT queue, priority, coalesce(due_at, run_at) AS run_at FROM offload.due
        WHERE (due.queue, due.priority) > (lane.queue, lane.priority)
        ORDER BY queue, priority, due.run_at, id LIMIT 1
    ) AS next
)
SELECT (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1::text AND c.relkind = 'r'),
       (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1::text AND relname IN ('due', 'lease')),
       (SELECT coalesce(sum(n_live_tup), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1::text AND relname IN ('due', 'lease')),
       (SELECT count(*) FROM offload.lease AS l WHERE NOT EXISTS (SELECT FROM offload.process AS p WHERE p.id = l.process AND NOT p.lost))::int,
       (SELECT count(DISTINCT queue) FROM lane WHERE run_at < now() - interval '1 minute'
          AND NOT EXISTS (SELECT FROM offload.queue AS q WHERE q.name = lane.queue AND q.paused))::int,
       (SELECT coalesce(sum(cardinality(stuck)), 0) FROM offload.process WHERE NOT lost)::int
