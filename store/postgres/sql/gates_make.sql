-- Make gates that are not there.
--   $1 ids, in order
-- In a statement of its own before gates_lock.sql: those that were made are locked, and nobody
-- who waits here holds a gate that was there before.
-- Plan: look-ups in gate; as a rule nothing to insert.
INSERT INTO offload.gate (id)
SELECT w.id FROM unnest($1::text[]) AS w (id)
WHERE (SELECT 1 FROM offload.gate AS g WHERE g.id = w.id LIMIT 1) IS NULL
ORDER BY w.id
ON CONFLICT (id) DO NOTHING
