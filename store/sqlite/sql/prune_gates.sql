-- Forget keys of limits of which there is nothing to say.
--   ?1 now
-- Plan: SCAN offload_gate.
DELETE FROM offload_gate
WHERE stops IS NULL AND wake_at IS NULL AND coalesce(full_at, 0) <= ?1 AND coalesce(paused_until, 0) <= ?1
