-- Leave suspects, whose rows are locked, alone until their limits allow a start.
--   $1 ids  $2 until
-- Plan: look-ups of blocked by id, Tid Scan.
UPDATE offload.blocked AS b SET run_at = w.until
FROM (
    SELECT w.until, (SELECT x.ctid FROM offload.blocked AS x WHERE x.id = w.id LIMIT 1) AS place
    FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, until) OFFSET 0
) AS w
WHERE b.ctid = w.place
