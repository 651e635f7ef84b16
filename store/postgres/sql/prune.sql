-- Remove ended jobs whose time to be kept is over, among the next by id. One for which others wait that have
-- not ended is kept, and one whose batch has not ended.
--   $1 id to go on after  $2 how many to look at  $3 how many to remove at most
-- Who deletes the row in done owns the job: only those ids are removed elsewhere.
-- Plan: Index Scan using done_pkey, look-ups by id.
WITH walk AS MATERIALIZED (
    SELECT id, keep_until, uses FROM offload.done WHERE id > $1 ORDER BY id LIMIT $2
), over AS MATERIALIZED (
    SELECT w.id FROM walk AS w
    WHERE w.keep_until <= now() AND (w.uses & 16384 = 0 OR (
        SELECT 1 FROM offload.edge AS e
        WHERE e.up = w.id AND ((SELECT 1 FROM offload.blocked AS p WHERE p.id = e.down LIMIT 1) IS NOT NULL
           OR (SELECT 1 FROM offload.due AS p WHERE p.id = e.down LIMIT 1) IS NOT NULL
           OR (SELECT 1 FROM offload.lease AS p WHERE p.id = e.down LIMIT 1) IS NOT NULL)
        LIMIT 1) IS NULL)
    ORDER BY w.id LIMIT $3
), gone AS MATERIALIZED (
    DELETE FROM offload.done WHERE id = ANY (ARRAY (SELECT id FROM over)) AND keep_until <= now()
    RETURNING id, outcome, uses
), job AS (
    DELETE FROM offload.job WHERE id = ANY (ARRAY (SELECT id FROM gone))
), failure AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & 4 <> 0))
), result AS (
    DELETE FROM offload.result WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & 8 <> 0))
), crash AS (
    DELETE FROM offload.crash WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & 16 <> 0))
), progress AS (
    DELETE FROM offload.progress WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & 64 <> 0))
), log AS (
    DELETE FROM offload.log WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & -32768 <> 0))
), logged AS (
    DELETE FROM offload.logged WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & -32768 <> 0))
), edge AS (
    DELETE FROM offload.edge WHERE down = ANY (ARRAY (SELECT id FROM gone WHERE uses & 16512 <> 0))
), memo AS (
    DELETE FROM offload.memo WHERE id = ANY (ARRAY (SELECT id FROM gone WHERE uses & -32768 <> 0))
)
SELECT (SELECT count(*) FROM gone WHERE outcome < 9)::int, (SELECT count(*) FROM walk)::int,
       (SELECT count(*) FROM over) = $3,
       CASE WHEN (SELECT count(*) FROM over) = $3 THEN (SELECT id FROM over ORDER BY id DESC LIMIT 1)
            ELSE (SELECT id FROM walk ORDER BY id DESC LIMIT 1) END
