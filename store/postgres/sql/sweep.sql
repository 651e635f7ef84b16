-- Cancel jobs whose signal, given within a transaction of somebody's, came when the attempt was
-- just going back to due.
--   $1 how long cancelled jobs are kept (µs)
-- Plan: a walk over signal, which is empty as a rule.
WITH missed AS MATERIALIZED (
    SELECT s.id, s.attempt FROM offload.signal AS s
    WHERE NOT EXISTS (SELECT FROM offload.lease AS l WHERE l.id = s.id)
), gone AS (
    DELETE FROM offload.signal AS s USING missed AS m WHERE s.id = m.id AND s.attempt = m.attempt
), taken AS (
    DELETE FROM offload.due AS d USING missed AS m WHERE d.id = m.id AND d.attempt = m.attempt
    RETURNING d.id, d.run_at, d.started_at, d.attempt, d.failures, d.uses
)
INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
SELECT t.id, now() + greatest(coalesce(nullif(j.retain, 0) / 1000, $1::bigint), 600000000) * interval '1 microsecond', now(),
       t.run_at, t.started_at, t.attempt, t.failures, 2, t.uses
FROM taken AS t CROSS JOIN LATERAL (SELECT retain FROM offload.job WHERE job.id = t.id LIMIT 1) AS j
