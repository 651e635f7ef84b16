-- Lock the processes that stood still at a beat (-1 is any).
--   $1 ids  $2 beats
-- The lock waits for claims that hold the row; a beat in flight makes the row another one.
-- Plan: look-ups by id.
SELECT p.id
FROM offload.process AS p JOIN unnest($1::uuid[], $2::bigint[]) AS b (id, beats) ON b.id = p.id
WHERE NOT p.lost AND (b.beats = -1 OR p.beats = b.beats)
ORDER BY p.id FOR UPDATE OF p
