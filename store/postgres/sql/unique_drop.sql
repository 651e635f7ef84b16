-- Free a unique key, if a job holds it.
--   $1 key  $2 id
DELETE FROM offload.uniq WHERE key = $1::text AND id = $2::uuid
