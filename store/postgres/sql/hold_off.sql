-- Leave suspects alone until their limits allow a start.
--   $1 ids  $2 until
-- Plan: look-ups of blocked.
UPDATE offload.blocked AS b SET run_at = w.until
FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, until) WHERE b.id = w.id
