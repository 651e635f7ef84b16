-- Read where jobs are: how each ended, or −1 if it waits and −2 if it runs.
--   $1 id to go on after  $2 last id
-- A stretch of each table: looked up one by one, in four places each, a copy took 12 µs of the server for a job instead of 5.
-- Plan: Index Scans using due_id, blocked_pkey, lease_pkey and done_pkey.
SELECT d.id, -1, d.attempt, d.failures, d.uses, coalesce(d.due_at, d.run_at), d.started_at, NULL::timestamptz, NULL::timestamptz, false, ''
FROM offload.due AS d WHERE d.id > $1::uuid AND d.id <= $2::uuid
UNION ALL
SELECT b.id, -1, b.attempt, b.failures, b.uses, coalesce(b.due_at, b.run_at), b.started_at, NULL, NULL, false, coalesce(b.gate, '')
FROM offload.blocked AS b WHERE b.id > $1::uuid AND b.id <= $2::uuid
UNION ALL
SELECT l.id, -2, l.attempt, l.failures, l.uses, l.run_at, l.started_at, NULL, NULL,
       l.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = l.id), ''
FROM offload.lease AS l WHERE l.id > $1::uuid AND l.id <= $2::uuid
UNION ALL
SELECT n.id, n.outcome::int, n.attempt, n.failures, n.uses, n.run_at, n.started_at, n.finished_at, n.keep_until, false, ''
FROM offload.done AS n WHERE n.id > $1::uuid AND n.id <= $2::uuid
