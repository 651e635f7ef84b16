-- Read the due jobs of one queue and lane that are claimed next. What few of them have comes as
-- one text: uses, due_at, crashes and terms.
--   ?1 queue   ?2 lane   ?3 now   ?4 limit   ?5 crashes before this time are forgotten
-- Nobody else writes while BEGIN IMMEDIATE holds: claim_lease and claim_due name what was read
-- here by its last row alone.
-- Plan: SEARCH d USING PRIMARY KEY, SEARCH j USING PRIMARY KEY, no sort.
SELECT d.run_at, d.id, d.attempt + 1, d.failures,
       CASE WHEN d.uses & 65 THEN d.uses || ' ' || coalesce(d.due_at, 0) || ' ' ||
           CASE WHEN d.uses & 1 THEN coalesce((SELECT n FROM offload_crash WHERE id = d.id AND last_at >= ?5), 0) ELSE 0 END ||
           ' ' || CASE WHEN d.uses & 64 THEN coalesce(j.terms, '') ELSE '' END END,
       j.task, j.created_at, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.tags,
       length(j.input) > 4096, CASE WHEN length(j.input) <= 4096 THEN j.input END
FROM offload_due AS d CROSS JOIN offload_job AS j ON j.id = d.id
WHERE d.queue = ?1 AND d.priority = ?2 AND d.run_at <= ?3
ORDER BY d.run_at, d.id LIMIT ?4
