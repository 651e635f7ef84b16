-- Read blocked jobs of one queue and task whose time has come: ?3 is '' for suspects. What few of
-- them have comes as one text: uses, due_at, crashes and terms.
--   ?1 queue   ?2 0 for parked jobs, 1 for suspects   ?3 task   ?4 now   ?5 limit   ?6 crashes before are forgotten
-- Plan: SEARCH d USING PRIMARY KEY, SEARCH j USING PRIMARY KEY, no sort.
SELECT d.priority, d.run_at, d.id, d.attempt + 1, d.failures,
       CASE WHEN d.uses & 65 THEN d.uses || ' ' || coalesce(d.due_at, 0) || ' ' ||
           CASE WHEN d.uses & 1 THEN coalesce((SELECT n FROM offload_crash WHERE id = d.id AND last_at >= ?6), 0) ELSE 0 END ||
           ' ' || CASE WHEN d.uses & 64 THEN coalesce(j.terms, '') ELSE '' END END,
       j.task, j.created_at, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.tags,
       length(j.input) > 4096, CASE WHEN length(j.input) <= 4096 THEN j.input END
FROM offload_blocked AS d CROSS JOIN offload_job AS j ON j.id = d.id
WHERE d.queue = ?1 AND d.waits = ?2 AND d.task = ?3 AND d.run_at <= ?4
ORDER BY d.priority, d.run_at, d.id LIMIT ?5
