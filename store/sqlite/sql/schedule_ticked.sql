-- Write down that a schedule has ticked.
--   ?1 name   ?2 next   ?3 the tick that was taken   ?4 its job
UPDATE offload_schedule SET next_at = ?2, last_at = ?3, last_job = ?4 WHERE name = ?1
