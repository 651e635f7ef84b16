-- Find the id down to which each place has at most so many jobs.
--   $1 ids before  $2 how many  $3 look in due  $4 in lease  $5 in blocked  $6 in all of done  $7 in discarded  $8 in cancelled  $9 in expired
-- Plan: an Index Only Scan Backward of each that is asked for.
SELECT greatest(
    (SELECT p.id FROM offload.due AS p WHERE $3::boolean AND p.id < $1::uuid ORDER BY p.id DESC OFFSET $2::bigint LIMIT 1),
    (SELECT p.id FROM offload.lease AS p WHERE $4::boolean AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1),
    (SELECT p.id FROM offload.blocked AS p WHERE $5::boolean AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1),
    (SELECT p.id FROM offload.done AS p WHERE $6::boolean AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1),
    (SELECT p.id FROM offload.done AS p WHERE $7::boolean AND p.outcome = 1 AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1),
    (SELECT p.id FROM offload.done AS p WHERE $8::boolean AND p.outcome = 2 AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1),
    (SELECT p.id FROM offload.done AS p WHERE $9::boolean AND p.outcome = 3 AND p.id < $1 ORDER BY p.id DESC OFFSET $2 LIMIT 1))
