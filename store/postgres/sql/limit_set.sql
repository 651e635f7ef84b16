-- Change how many a limit lets in, by hand; null resets it.
--   $1 name  $2 max
UPDATE offload.limit SET by_hand = $2::int WHERE name = $1::text RETURNING name
