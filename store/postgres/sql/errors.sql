-- Read groups of failures, the one that failed last first.
--   $1 ids  $2 tasks  $3 statuses  $4 last failed at or after  $5 how many at most
--   $6 last failure of the last group of the page before  $7 and its id      (null is any)
-- It is planned with its parameters each time.
-- Plan: Index Scan Backward using error_last, no sort; with ids by error_pkey.
SELECT e.id, e.task, e.kind, e.title, e.sealed, e.status, e.changed_at, e.count, e.first_at, e.last_at, e.job, e.attempt, e.keys, e.other_keys,
       coalesce((SELECT f.error FROM offload.failure AS f WHERE NOT e.sealed AND f.id = e.job AND f.attempt = e.attempt LIMIT 1), ''), now()
FROM offload.error AS e
WHERE ($1::text[] IS NULL OR e.id = ANY ($1)) AND ($2::text[] IS NULL OR e.task = ANY ($2)) AND ($3::text[] IS NULL OR e.status = ANY ($3))
  AND ($4::timestamptz IS NULL OR e.last_at >= $4) AND ($6::timestamptz IS NULL OR (e.last_at, e.id) < ($6, $7::text))
ORDER BY e.last_at DESC, e.id DESC LIMIT $5
