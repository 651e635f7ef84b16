-- Lock groups, and make those that are not there, with no failures yet.
--   $1 ids, in order
-- Plan: look-ups by error_pkey.
INSERT INTO offload.error AS e (id, first_at, last_at, count, other_keys, job, attempt, sealed, status, task, kind, title, keys)
SELECT w.id, now(), now(), 0, 0, '00000000-0000-0000-0000-000000000000', 0, false, 'open', '', '', '', '[]'
FROM unnest($1::text[]) WITH ORDINALITY AS w (id, n) ORDER BY w.n
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING e.id, e.task, e.kind, e.title, e.sealed, e.status, e.changed_at, e.count, e.first_at, e.last_at, e.job, e.attempt, e.keys, e.other_keys,
          '', now()
