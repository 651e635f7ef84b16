-- End jobs as expired that wait, have not begun and are out of time.
--   $1 how many at most  $2 how long they are kept (µs)
-- Rows of jobs that do not wait any more are forgotten, and those that somebody holds are left.
-- Plan: Index Scan using expiry_at, look-ups by id, inserts.
WITH over AS MATERIALIZED (
    SELECT id FROM offload.expiry WHERE at <= now() ORDER BY at, id LIMIT $1 FOR UPDATE SKIP LOCKED
), d AS (
    DELETE FROM offload.due WHERE id = ANY (ARRAY (
        SELECT p.id FROM offload.due AS p WHERE p.id = ANY (ARRAY (SELECT id FROM over)) AND p.uses & 2048 = 0 FOR UPDATE SKIP LOCKED))
    RETURNING id, coalesce(due_at, run_at) AS run_at, started_at, attempt, failures, uses, NULL::text AS gate
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY (ARRAY (
        SELECT p.id FROM offload.blocked AS p WHERE p.id = ANY (ARRAY (SELECT id FROM over)) AND p.uses & 2048 = 0 FOR UPDATE SKIP LOCKED))
    RETURNING id, coalesce(due_at, run_at), started_at, attempt, failures, uses, gate
), ended AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT * FROM b
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM ended WHERE uses & 16384 <> 0
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT e.id, now() + greatest(coalesce(nullif(j.retain, 0) / 1000, $2::bigint), 600000000) * interval '1 microsecond', now(),
           e.run_at, e.started_at, e.attempt, e.failures, 3, e.uses & ~5634
    FROM ended AS e CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = e.id LIMIT 1) AS j
), forgotten AS (
    DELETE FROM offload.expiry WHERE id = ANY (ARRAY (
        SELECT o.id FROM over AS o
        WHERE (SELECT 1 FROM offload.due AS p WHERE p.id = o.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL
          AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = o.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL
        UNION ALL SELECT id FROM ended))
)
SELECT (SELECT count(*) FROM over)::int, e.id::text, j.task, j.terms, e.gate
FROM (SELECT 1) AS one LEFT JOIN ended AS e ON true
LEFT JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = e.id LIMIT 1) AS j ON true
