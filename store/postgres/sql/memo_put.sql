-- Keep a memo of a running job, in place of the one of that name. It says whether the lease was
-- there, and whether there was room.
--   $1 id  $2 attempt  $3 process  $4 name  $5 data  $6 how many a job may have
-- Plan: look-ups by id.
WITH held AS (
    UPDATE offload.lease SET uses = uses | -32768
    WHERE id = $1 AND attempt = $2 AND process = $3
      AND EXISTS (SELECT FROM offload.process AS p WHERE p.id = $3 AND NOT p.lost)
    RETURNING id, attempt
), put AS (
    INSERT INTO offload.memo (id, name, attempt, at, data)
    SELECT id, $4, attempt, clock_timestamp(), $5 FROM held
    WHERE EXISTS (SELECT FROM offload.memo WHERE id = $1 AND name = $4)
       OR (SELECT count(*) FROM offload.memo WHERE id = $1) < $6
    ON CONFLICT (id, name) DO UPDATE SET attempt = excluded.attempt, at = excluded.at, data = excluded.data
    RETURNING id
)
SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM put)
