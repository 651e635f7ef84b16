-- Read jobs of one place, newest id first. What stands in braces is put in by find.go, the same each time:
-- {place} and its columns, {run_at} when the job became due, {gate} for what it waits, {walk} a stretch of ids or a list of them.
--   ?1 id before which to look, or ids one behind the other   ?2 first id of the stretch   ?3 limit   ?4 now
--   ?5 states, ?6 tasks, ?7 queues: JSON arrays, NULL is any   ?8 whether the system's queue is left out
--   ?9 name of a tag   ?10 its value, NULL is any   ?11 process that holds the lease   ?12 created at or after   ?13 created before
--   ?14 whether a failure is needed   ?15 whether inputs and results come whole   ?16 crashes before this time are forgotten
--   ?17 key of a limit, a turn or its own   ?18 limit   ?19 schedule   ?20 flow   ?21 batch
-- Plan: SEARCH p by id, SEARCH j USING PRIMARY KEY, no sort.
SELECT p.id, j.task, j.queue, {state} AS state, {waits} AS waits, j.priority, p.attempt, p.failures,
       CASE WHEN p.uses & 1 THEN (SELECT n FROM offload_crash WHERE id = p.id AND last_at >= ?16) END,
       j.max_attempts, j.timeout, j.give_up_after, j.retain, {run_at}, j.created_at, p.started_at, {finished_at},
       {process}, p.uses & 2 <> 0, j.tags,
       CASE WHEN p.uses & 8 THEN (SELECT error FROM offload_failure WHERE id = p.id ORDER BY attempt DESC LIMIT 1) END,
       coalesce(length(j.input), 0), CASE WHEN ?15 OR length(j.input) <= 4096 THEN j.input END,
       CASE WHEN p.uses & 16 THEN (SELECT result FROM offload_result WHERE id = p.id AND (?15 OR length(result) <= 4096)) END,
       p.uses & 4 <> 0, CASE WHEN p.uses & 64 THEN j.terms END, {gate}
FROM {place} AS p CROSS JOIN offload_job AS j ON j.id = p.id
WHERE {walk}
  AND (?5 IS NULL OR {state} IN (SELECT value FROM json_each(?5)))
  AND (?6 IS NULL OR j.task IN (SELECT value FROM json_each(?6)))
  AND (?7 IS NULL OR j.queue IN (SELECT value FROM json_each(?7)))
  AND NOT (?8 AND p.uses & 32)
  AND (?9 IS NULL OR EXISTS (SELECT 1 FROM json_each(j.tags) WHERE key = ?9 AND (?10 IS NULL OR value = ?10)))
  AND (?11 IS NULL OR {process} = ?11)
  AND (?12 IS NULL OR j.created_at >= ?12)
  AND (?13 IS NULL OR j.created_at < ?13)
  AND NOT (?14 AND p.uses & 8 = 0)
  AND (?17 IS NULL OR p.uses & 64 AND (j.terms ->> '$.unique.key' = ?17 OR j.terms ->> '$.turn.key' = ?17
       OR EXISTS (SELECT 1 FROM json_each(j.terms, '$.limits') WHERE value ->> 'key' = ?17)))
  AND (?18 IS NULL OR p.uses & 64 AND EXISTS (SELECT 1 FROM json_each(j.terms, '$.limits') WHERE value ->> 'limit' = ?18))
  AND (?19 IS NULL OR p.uses & 64 AND j.terms ->> '$.schedule' = ?19)
  AND (?20 IS NULL OR p.uses & 64 AND j.terms ->> '$.flow' = ?20)
  AND (?21 IS NULL OR EXISTS (SELECT 1 FROM offload_member WHERE batch = ?21 AND state IN (0, 1, 2, 3, 4, 5) AND id = p.id))
ORDER BY p.id DESC LIMIT ?3
