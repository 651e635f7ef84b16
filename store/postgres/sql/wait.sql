-- Let jobs of blocked, whose rows are locked, wait for a gate, or for another one.
--   $1 ids  $2 gates  $3 lanes  $4 turns, null is as it is
-- Joined by place, as admit.sql.
-- Plan: look-ups in blocked by id, Tid Scan.
UPDATE offload.blocked AS b
SET gate = w.gate, priority = w.lane, task = '', uses = b.uses & ~5632,
    due_at = CASE WHEN w.turn IS NULL THEN b.due_at ELSE b.run_at END, run_at = coalesce(w.turn, b.run_at)
FROM (
    SELECT w.gate, w.lane, w.turn, (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place
    FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[]) AS w (id, gate, lane, turn) OFFSET 0
) AS w
WHERE b.ctid = w.place
