-- Read groups of failures, the one that failed last first. {walk} is put in by errorgroup.go: all, or those of ids.
--   ?1 ids, ?2 tasks, ?3 statuses: JSON arrays, NULL is any   ?4 last failed at or after   ?5 limit
--   ?6 last failure of the last group of the page before, or after all   ?7 and its id
-- Plan: SEARCH e USING INDEX offload_error_last, no sort; with ids SEARCH e USING PRIMARY KEY.
SELECT e.id, e.task, e.kind, e.title, e.sealed, e.status, e.changed_at, e.count, e.first_at, e.last_at, e.job, e.attempt, e.keys, e.other_keys,
       CASE WHEN NOT e.sealed THEN (SELECT error FROM offload_failure AS f WHERE f.id = e.job AND f.attempt = e.attempt) END
FROM offload_error AS e
WHERE {walk}
  AND (?2 IS NULL OR e.task IN (SELECT value FROM json_each(?2)))
  AND (?3 IS NULL OR e.status IN (SELECT value FROM json_each(?3)))
ORDER BY e.last_at DESC, e.id DESC LIMIT ?5
