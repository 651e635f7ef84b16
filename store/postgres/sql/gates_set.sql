-- Write down what has changed of gates that are locked.
--   $1 ids  $2 full at  $3 paused until  $4 wake at
-- Plan: look-ups of gate, Tid Scan, HOT updates.
UPDATE offload.gate AS g SET full_at = w.full_at, paused_until = w.paused_until, wake_at = w.wake_at
FROM (
    SELECT w.full_at, w.paused_until, w.wake_at, (SELECT x.ctid FROM offload.gate AS x WHERE x.id = w.id LIMIT 1) AS place
    FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS w (id, full_at, paused_until, wake_at) OFFSET 0
) AS w
WHERE g.ctid = w.place
