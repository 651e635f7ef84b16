-- Let jobs that have ended, but for completed ones, wait again for what they are after, as if they were new.
--   $1 ids  $2 the input of an erased job, which stays ended
-- Their edges are open until Settle has looked at their upstreams, which are marked; those of upstreams that are
-- deleted stay as they are.
-- coalesce keeps plans off edge_down for the update, which has state too.
-- Plan: look-ups by id, Index Scan using edge_down, Tid Scan, inserts.
WITH e AS (
    DELETE FROM offload.done AS d
    WHERE id = ANY ($1::uuid[]) AND outcome BETWEEN 1 AND 3
      AND (SELECT input FROM offload.job WHERE job.id = d.id LIMIT 1) IS DISTINCT FROM $2::bytea
      AND (SELECT 1 FROM offload.edge AS x WHERE x.down = d.id AND x.wants < 3 LIMIT 1) IS NOT NULL
    RETURNING id, started_at, attempt, uses, CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
), again AS MATERIALIZED (
    SELECT e.*, j.queue, j.priority, j.task, j.terms
    FROM e CROSS JOIN LATERAL (SELECT queue, priority, task, terms FROM offload.job WHERE job.id = e.id LIMIT 1) AS j
), ups AS MATERIALIZED (
    SELECT x.place, x.up
    FROM again CROSS JOIN LATERAL (SELECT ctid AS place, up FROM offload.edge WHERE down = again.id AND wants < 3 OFFSET 0) AS x
    CROSS JOIN LATERAL (
        (SELECT 1 FROM offload.done AS p WHERE p.id = x.up AND p.outcome < 9 LIMIT 1)
        UNION ALL
        (SELECT 1 FROM offload.due AS p WHERE p.id = x.up LIMIT 1)
        UNION ALL
        (SELECT 1 FROM offload.lease AS p WHERE p.id = x.up LIMIT 1)
        UNION ALL
        (SELECT 1 FROM offload.blocked AS p WHERE p.id = x.up LIMIT 1)
    ) AS there
), opened AS (
    UPDATE offload.edge SET state = NULL WHERE ctid = ANY (ARRAY (SELECT place FROM ups)) AND coalesce(state, -1) >= 0
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM again UNION SELECT up FROM ups
), heard AS (
    DELETE FROM offload.signal WHERE id = ANY (ARRAY (SELECT id FROM again))
), forgotten AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT id FROM again)) AND kind = 'after'
), b AS (
    INSERT INTO offload.blocked (id, run_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, clock_timestamp(), started_at, attempt, 0, priority, uses & ~512, false, queue, '', 'after' FROM again
)
SELECT id::text, 'done', state, '', 0, CASE WHEN uses & 128 <> 0 THEN task END, terms::text, NULL FROM again
