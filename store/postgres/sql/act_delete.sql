-- Delete jobs that don't run, with all that is known of them. What stays for a while is the id,
-- so that the same insert again makes no second job.
--   $1 ids  $2 how long the id is kept (µs)
-- Plan: look-ups by id in each place.
WITH d AS (
    DELETE FROM offload.due WHERE id = ANY ($1::uuid[])
    RETURNING id, uses, NULL::text AS gate, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY ($1::uuid[])
    RETURNING id, uses, gate, 'blocked' AS state
), i AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, attempt, failures, outcome, uses)
    SELECT id, clock_timestamp() + $2::bigint * interval '1 microsecond', clock_timestamp(), clock_timestamp(), 0, 0, 9, 0
    FROM (SELECT id FROM d UNION ALL SELECT id FROM b) AS w
), e AS (
    UPDATE offload.done AS n SET outcome = 9, uses = 0, keep_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
    FROM (SELECT ctid AS place, outcome, uses FROM offload.done WHERE id = ANY ($1::uuid[]) AND outcome < 9 ORDER BY id FOR UPDATE) AS o
    WHERE n.ctid = o.place AND n.outcome < 9
    RETURNING n.id, o.uses, NULL::text, CASE o.outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), gone AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT * FROM b UNION ALL SELECT * FROM e
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM gone WHERE uses & 16384 <> 0
), ed AS (
    DELETE FROM offload.edge WHERE down = ANY (ARRAY (SELECT id FROM gone))
), j AS (
    UPDATE offload.job SET task = '', queue = '', input = '', tags = NULL, terms = NULL WHERE id = ANY (ARRAY (SELECT id FROM gone))
), f AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT id FROM gone))
), r AS (
    DELETE FROM offload.result WHERE id = ANY (ARRAY (SELECT id FROM gone))
), c AS (
    DELETE FROM offload.crash WHERE id = ANY (ARRAY (SELECT id FROM gone))
), p AS (
    DELETE FROM offload.progress WHERE id = ANY (ARRAY (SELECT id FROM gone))
), lg AS (
    DELETE FROM offload.log WHERE id = ANY (ARRAY (SELECT id FROM gone))
), ld AS (
    DELETE FROM offload.logged WHERE id = ANY (ARRAY (SELECT id FROM gone))
), m AS (
    DELETE FROM offload.memo WHERE id = ANY (ARRAY (SELECT id FROM gone))
)
SELECT g.id::text, 'done', g.state, '', 0, j.task, j.terms::text, g.gate
FROM gone AS g LEFT JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = g.id AND terms IS NOT NULL LIMIT 1) AS j ON true
UNION ALL
SELECT id::text, 'refused', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[])
