-- Declare the processes lost that judge.sql has locked.
--   $1 ids  $2 beats
UPDATE offload.process AS p SET lost = true, asleep = false
FROM unnest($1::uuid[], $2::bigint[]) AS b (id, beats)
WHERE b.id = p.id AND NOT p.lost AND (b.beats = -1 OR p.beats = b.beats)
RETURNING p.id
