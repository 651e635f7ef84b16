-- Pause or resume a schedule.
--   $1 name  $2 paused
UPDATE offload.schedule SET paused = $2::boolean WHERE name = $1::text RETURNING name
