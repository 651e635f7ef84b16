-- Tell a process to claim nothing more, or to stop.
--   $1 id  $2 quiet or stop
UPDATE offload.process SET quiet = quiet OR $2::text = 'quiet', stop = stop OR $2::text = 'stop'
WHERE id = $1 AND NOT lost
RETURNING label
