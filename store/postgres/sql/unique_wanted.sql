-- What must be known of jobs with terms whose unique keys an act has to do with: the terms, when
-- they were made, their state, whether they have begun, and whether they hold their key.
--   $1 ids
-- Plan: look-ups by id.
SELECT j.id::text, j.task, j.terms::text, j.created_at, p.state, p.uses & 2048 <> 0,
       EXISTS (SELECT FROM offload.uniq AS u WHERE u.key = j.task || E'\x1f' || (j.terms -> 'unique' ->> 'key') AND u.id = j.id)
FROM offload.job AS j
CROSS JOIN LATERAL (
    (SELECT uses, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state
     FROM offload.due AS d WHERE d.id = j.id LIMIT 1)
    UNION ALL
    (SELECT uses, 'blocked' FROM offload.blocked AS b WHERE b.id = j.id LIMIT 1)
    UNION ALL
    (SELECT uses, CASE outcome WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END
     FROM offload.done AS n WHERE n.id = j.id AND n.outcome BETWEEN 1 AND 3 LIMIT 1)
) AS p
WHERE j.id = ANY ($1::uuid[]) AND j.terms IS NOT NULL
ORDER BY j.id
