-- Read jobs of one place, newest id first. What stands in braces is put in by find.go, the same each time:
-- {place} and its columns, {run_at} when the job became due, {gate} for what it waits, {walk} a stretch of ids or a list of them,
-- {where} the conditions of find_where.sql, whose parameters are from ?4 on.
--   ?1 id before which to look, or ids one behind the other   ?2 first id of the stretch   ?3 limit   ?15 whether inputs and results come whole   ?16 crashes before this time are forgotten
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
  AND {where}
ORDER BY p.id DESC LIMIT ?3
