-- Say whether a process sleeps. It must have been committed before its last claim.
--   $1 id  $2 asleep
UPDATE offload.process SET asleep = $2 WHERE id = $1 AND asleep <> $2 AND NOT lost
