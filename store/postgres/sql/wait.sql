-- Let jobs of blocked wait for a gate, or for another one.
--   $1 ids  $2 gates  $3 lanes  $4 turns, null is as it is
-- Plan: look-ups in blocked by id.
UPDATE offload.blocked AS b
SET gate = w.gate, priority = w.lane, task = '', uses = b.uses & ~5632,
    due_at = CASE WHEN w.turn IS NULL THEN b.due_at ELSE b.run_at END, run_at = coalesce(w.turn, b.run_at)
FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[]) AS w (id, gate, lane, turn)
WHERE b.id = w.id
