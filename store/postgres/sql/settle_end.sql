-- End batches, whose rows are locked.
--   $1 ids  $2 outcomes  $3 how long each is kept (µs)
-- Joined by place, as admit.sql.
-- Plan: look-ups by id, Tid Scan, inserts.
WITH gone AS (
    DELETE FROM offload.blocked AS b
    USING (
        SELECT w.outcome, w.keep, (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place
        FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS w (id, outcome, keep) OFFSET 0
    ) AS w
    WHERE b.ctid = w.place
    RETURNING b.id, b.run_at, b.started_at, b.attempt, b.failures, b.uses, w.outcome, w.keep
), marked AS (
    INSERT INTO offload.mark (id) SELECT id FROM gone WHERE uses & 16384 <> 0
)
INSERT INTO offload.done (id, keep_until, finished_at, run_at, started_at, attempt, failures, outcome, uses)
SELECT id, clock_timestamp() + keep * interval '1 microsecond', clock_timestamp(), run_at, started_at, attempt, failures, outcome, uses & ~5634
FROM gone
