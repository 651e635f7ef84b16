-- Some leases of a process.
--   $1 process  $2 how many at most
-- Plan: a walk over lease, which is small.
SELECT id, attempt FROM offload.lease WHERE process = $1 LIMIT $2
