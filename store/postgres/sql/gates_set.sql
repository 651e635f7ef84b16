-- Write down what has changed of gates.
--   $1 ids  $2 full at  $3 paused until  $4 wake at
-- Plan: look-ups of gate, HOT updates.
UPDATE offload.gate AS g SET full_at = w.full_at, paused_until = w.paused_until, wake_at = w.wake_at
FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS w (id, full_at, paused_until, wake_at)
WHERE g.id = w.id
