-- Let waiting jobs through, whose rows are locked, in this order.
--   $1 ids  $2 lanes  $3 turns, null is as it is  $4 uses to add
-- A job comes behind those that are due already, so that marks of claims don't pass it by: due_at
-- says since when it is due. In a lane of turns it comes by its turn.
-- Joined by place: by id, statistics of an empty table would have all of blocked walked over.
-- Plan: look-ups in blocked by id, Tid Scan, insert.
WITH freed AS (
    DELETE FROM offload.blocked AS b
    USING (
        SELECT w.lane, w.turn, w.uses, (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place
        FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::smallint[]) AS w (id, lane, turn, uses) OFFSET 0
    ) AS w
    WHERE b.ctid = w.place
    RETURNING b.id, b.run_at, b.due_at, b.started_at, b.attempt, b.failures, b.uses & ~5632 | w.uses AS uses, b.queue, w.lane, w.turn
)
INSERT INTO offload.due (id, run_at, due_at, started_at, attempt, failures, priority, uses, queue)
SELECT id, CASE WHEN lane < 10 THEN clock_timestamp() ELSE coalesce(turn, run_at) END,
       CASE WHEN lane >= 10 AND turn IS NULL THEN due_at ELSE run_at END,
       started_at, attempt, failures, lane, uses, queue
FROM freed
