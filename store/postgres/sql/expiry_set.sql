-- Say when jobs expire that have not begun.
--   $1 ids  $2 times
-- Plan: insert.
INSERT INTO offload.expiry (id, at) SELECT w.id, w.at FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, at)
ON CONFLICT (id) DO UPDATE SET at = excluded.at
