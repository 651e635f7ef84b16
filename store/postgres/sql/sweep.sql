-- Cancel jobs whose signal, given within a transaction of somebody's, came when the attempt was
-- just being given back; forget signals of jobs that have ended. Nothing is waited for.
--   $1 how long cancelled jobs are kept (µs)
-- Returns those with terms.
-- Plan: a walk over signal, which is empty as a rule.
WITH missed AS MATERIALIZED (
    SELECT s.id FROM offload.signal AS s WHERE NOT EXISTS (SELECT FROM offload.lease AS l WHERE l.id = s.id)
), d AS (
    DELETE FROM offload.due WHERE id = ANY (ARRAY (
        SELECT p.id FROM offload.due AS p WHERE p.id = ANY (ARRAY (SELECT id FROM missed)) FOR UPDATE SKIP LOCKED))
    RETURNING id, coalesce(due_at, run_at) AS run_at, started_at, attempt, failures, uses, NULL::text AS gate
), b AS (
    DELETE FROM offload.blocked WHERE id = ANY (ARRAY (
        SELECT p.id FROM offload.blocked AS p WHERE p.id = ANY (ARRAY (SELECT id FROM missed)) FOR UPDATE SKIP LOCKED))
    RETURNING id, coalesce(due_at, run_at), started_at, attempt, failures, uses, gate
), ended AS MATERIALIZED (
    SELECT * FROM d UNION ALL SELECT * FROM b
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM ended WHERE uses & 16384 <> 0
), heard AS (
    DELETE FROM offload.signal WHERE id = ANY (ARRAY (
        SELECT id FROM ended UNION ALL
        SELECT m.id FROM missed AS m WHERE (SELECT 1 FROM offload.due AS p WHERE p.id = m.id LIMIT 1) IS NULL
                                       AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = m.id LIMIT 1) IS NULL
                                       AND (SELECT 1 FROM offload.done AS p WHERE p.id = m.id LIMIT 1) IS NOT NULL
        UNION ALL
        SELECT m.id FROM missed AS m WHERE (SELECT 1 FROM offload.job AS p WHERE p.id = m.id LIMIT 1) IS NULL))
), kept AS (
    INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
    SELECT e.id, now() + greatest(coalesce(nullif(j.retain, 0) / 1000, $1::bigint), 600000000) * interval '1 microsecond', now(),
           e.run_at, e.started_at, e.attempt, e.failures, 2, e.uses
    FROM ended AS e CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = e.id LIMIT 1) AS j
)
SELECT e.id::text, j.task, j.terms, e.gate
FROM ended AS e CROSS JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = e.id LIMIT 1) AS j
WHERE e.uses & 128 <> 0
