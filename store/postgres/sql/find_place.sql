-- Where find.sql and count_up_to.sql look: p is the place.
--   $1 ids  $6 ids before  $14 flow  $15 batch  $16 ids from      (null is any)
($1::uuid[] IS NULL OR p.id = ANY ($1)) AND ($6::uuid IS NULL OR p.id < $6)
AND ($14::text IS NULL OR p.id = ANY (ARRAY (SELECT f.id FROM offload.job AS f WHERE f.terms ->> 'flow' = $14) || $14::uuid))
AND ($15::uuid IS NULL OR p.id = ANY (ARRAY (SELECT e.up FROM offload.edge AS e WHERE e.down = $15 AND e.wants = 3)))
AND ($16::uuid IS NULL OR p.id >= $16)
