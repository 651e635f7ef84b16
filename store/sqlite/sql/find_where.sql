-- What find.sql and count_up_to.sql want of jobs: j is the job, p its place.
--   ?4 now   ?5 states, ?6 tasks, ?7 queues: JSON arrays, NULL is any   ?8 whether the system's queue is left out
--   ?9 name of a tag   ?10 its value, NULL is any   ?11 process that holds the lease   ?12 created at or after   ?13 created before
--   ?14 whether a failure is needed   ?17 key of a limit, a turn or its own   ?18 limit   ?19 schedule   ?20 flow   ?21 batch
--   ?22 priorities, a JSON array   ?23 text that an input has in lower case, or with ?24 as it is, unless it has escapes: \u00   ?25 group of the last failure
--   ?26 id of the flow, which is that of its first job if that was enqueued alone
(?5 IS NULL OR {state} IN (SELECT value FROM json_each(?5)))
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
  AND (?20 IS NULL OR p.id = ?26 OR p.uses & 64 AND j.terms ->> '$.flow' = ?20)
  AND (?21 IS NULL OR EXISTS (SELECT 1 FROM offload_member WHERE batch = ?21 AND state IN (0, 1, 2, 3, 4, 5) AND id = p.id))
  AND (?22 IS NULL OR j.priority IN (SELECT value FROM json_each(?22)))
  AND (?23 IS NULL OR CASE WHEN ?24 THEN instr(j.input, ?23) ELSE instr(lower(CAST(j.input AS TEXT)), CAST(?23 AS TEXT)) END > 0 OR instr(j.input, x'5c753030') > 0)
  AND (?25 IS NULL OR (SELECT cause FROM offload_failure WHERE id = p.id ORDER BY attempt DESC LIMIT 1) = ?25)
