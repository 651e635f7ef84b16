-- Find jobs, newest id first.
--   $1 how many at most  $2 with inputs and results of any size  $3 ids
--   $4 look in due  $5 for these states  $6 in lease  $7 in blocked  $8 in done  $9 for these outcomes
--   $10 tasks  $11 queues  $12 created since  $13 until  $14 ids before  $15 process that runs it
--   $16 tag  $17 its value  $18 text in the last error  $19 key of a limit, a turn or its own
--   $20 limit  $21 schedule  $22 flow  $23 batch      (null is any)
-- LIMIT 1 keeps look-ups of job what they are: stale statistics made hash joins over all of it.
-- It is planned with its parameters each time. Each place is walked by id from the newest on and
-- has its own limit, so that a page reads a page of each.
-- Plan: Index Scan Backward by id for each place asked for, look-ups of the rest.
WITH matching AS (
    (SELECT p.id, CASE WHEN p.run_at <= now() THEN 'available' WHEN p.failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state, '' AS waits, p.attempt, p.failures, p.uses, coalesce(p.due_at, p.run_at) AS run_at, p.started_at,
            NULL::timestamptz AS finished_at, NULL::uuid AS process, NULL::text AS gate
     FROM offload.due AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND ($10::text[] IS NULL OR j.task = ANY ($10))
          AND CASE WHEN $11::text[] IS NOT NULL THEN j.queue = ANY ($11) ELSE $3::uuid[] IS NOT NULL OR j.queue <> 'offload' END
          AND ($12::timestamptz IS NULL OR j.created_at >= $12) AND ($13::timestamptz IS NULL OR j.created_at < $13)
          AND ($16::text IS NULL OR CASE WHEN $17::text IS NULL THEN j.tags ? $16 ELSE j.tags ->> $16 = $17 END)
          AND ($19::text IS NULL OR j.terms -> 'unique' ->> 'key' = $19 OR j.terms -> 'turn' ->> 'key' = $19
               OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('key', $19)))
          AND ($20::text IS NULL OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('limit', $20)))
          AND ($21::text IS NULL OR j.terms ->> 'schedule' = $21) LIMIT 1) AS j
     WHERE $4 AND $15::uuid IS NULL AND CASE WHEN p.run_at <= now() THEN 'available' WHEN p.failures > 0 THEN 'retryable' ELSE 'scheduled' END = ANY ($5::text[]) AND ($3::uuid[] IS NULL OR p.id = ANY ($3)) AND ($14::uuid IS NULL OR p.id < $14)
       AND ($22::text IS NULL OR p.id = ANY (ARRAY (SELECT f.id FROM offload.job AS f WHERE f.terms ->> 'flow' = $22)))
       AND ($23::uuid IS NULL OR p.id = ANY (ARRAY (SELECT e.up FROM offload.edge AS e WHERE e.down = $23 AND e.wants = 3)))
       AND ($18::text IS NULL OR p.uses & 4 <> 0 AND strpos(lower((
            SELECT error FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1)), lower($18)) > 0)
     ORDER BY p.id DESC LIMIT $1)
    UNION ALL
    (SELECT p.id, 'running' AS state, '' AS waits, p.attempt, p.failures, p.uses, p.run_at, p.started_at,
            NULL::timestamptz AS finished_at, p.process AS process, NULL::text AS gate
     FROM offload.lease AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND ($10::text[] IS NULL OR j.task = ANY ($10))
          AND CASE WHEN $11::text[] IS NOT NULL THEN j.queue = ANY ($11) ELSE $3::uuid[] IS NOT NULL OR j.queue <> 'offload' END
          AND ($12::timestamptz IS NULL OR j.created_at >= $12) AND ($13::timestamptz IS NULL OR j.created_at < $13)
          AND ($16::text IS NULL OR CASE WHEN $17::text IS NULL THEN j.tags ? $16 ELSE j.tags ->> $16 = $17 END)
          AND ($19::text IS NULL OR j.terms -> 'unique' ->> 'key' = $19 OR j.terms -> 'turn' ->> 'key' = $19
               OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('key', $19)))
          AND ($20::text IS NULL OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('limit', $20)))
          AND ($21::text IS NULL OR j.terms ->> 'schedule' = $21) LIMIT 1) AS j
     WHERE $6 AND ($15::uuid IS NULL OR p.process = $15) AND ($3::uuid[] IS NULL OR p.id = ANY ($3)) AND ($14::uuid IS NULL OR p.id < $14)
       AND ($22::text IS NULL OR p.id = ANY (ARRAY (SELECT f.id FROM offload.job AS f WHERE f.terms ->> 'flow' = $22)))
       AND ($23::uuid IS NULL OR p.id = ANY (ARRAY (SELECT e.up FROM offload.edge AS e WHERE e.down = $23 AND e.wants = 3)))
       AND ($18::text IS NULL OR p.uses & 4 <> 0 AND strpos(lower((
            SELECT error FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1)), lower($18)) > 0)
     ORDER BY p.id DESC LIMIT $1)
    UNION ALL
    (SELECT p.id, 'blocked' AS state, CASE WHEN p.gate IN ('after', 'held') THEN p.gate WHEN p.gate IS NOT NULL THEN 'limit' WHEN p.suspect THEN 'alone' WHEN strpos(p.task, ' ') > 0 THEN 'need' WHEN EXISTS (SELECT FROM offload.task WHERE task.name = p.task AND task.paused) THEN 'paused' ELSE 'task' END AS waits, p.attempt, p.failures, p.uses, coalesce(p.due_at, p.run_at) AS run_at, p.started_at,
            NULL::timestamptz AS finished_at, NULL::uuid AS process, CASE WHEN p.gate NOT IN ('after', 'held') THEN p.gate END AS gate
     FROM offload.blocked AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND ($10::text[] IS NULL OR j.task = ANY ($10))
          AND CASE WHEN $11::text[] IS NOT NULL THEN j.queue = ANY ($11) ELSE $3::uuid[] IS NOT NULL OR j.queue <> 'offload' END
          AND ($12::timestamptz IS NULL OR j.created_at >= $12) AND ($13::timestamptz IS NULL OR j.created_at < $13)
          AND ($16::text IS NULL OR CASE WHEN $17::text IS NULL THEN j.tags ? $16 ELSE j.tags ->> $16 = $17 END)
          AND ($19::text IS NULL OR j.terms -> 'unique' ->> 'key' = $19 OR j.terms -> 'turn' ->> 'key' = $19
               OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('key', $19)))
          AND ($20::text IS NULL OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('limit', $20)))
          AND ($21::text IS NULL OR j.terms ->> 'schedule' = $21) LIMIT 1) AS j
     WHERE $7 AND $15::uuid IS NULL AND ($3::uuid[] IS NULL OR p.id = ANY ($3)) AND ($14::uuid IS NULL OR p.id < $14)
       AND ($22::text IS NULL OR p.id = ANY (ARRAY (SELECT f.id FROM offload.job AS f WHERE f.terms ->> 'flow' = $22)))
       AND ($23::uuid IS NULL OR p.id = ANY (ARRAY (SELECT e.up FROM offload.edge AS e WHERE e.down = $23 AND e.wants = 3)))
       AND ($18::text IS NULL OR p.uses & 4 <> 0 AND strpos(lower((
            SELECT error FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1)), lower($18)) > 0)
     ORDER BY p.id DESC LIMIT $1)
    UNION ALL
    (SELECT p.id, CASE p.outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state, '' AS waits, p.attempt, p.failures, p.uses, p.run_at, p.started_at,
            p.finished_at AS finished_at, NULL::uuid AS process, NULL::text AS gate
     FROM offload.done AS p CROSS JOIN LATERAL (SELECT FROM offload.job AS j
        WHERE j.id = p.id AND ($10::text[] IS NULL OR j.task = ANY ($10))
          AND CASE WHEN $11::text[] IS NOT NULL THEN j.queue = ANY ($11) ELSE $3::uuid[] IS NOT NULL OR j.queue <> 'offload' END
          AND ($12::timestamptz IS NULL OR j.created_at >= $12) AND ($13::timestamptz IS NULL OR j.created_at < $13)
          AND ($16::text IS NULL OR CASE WHEN $17::text IS NULL THEN j.tags ? $16 ELSE j.tags ->> $16 = $17 END)
          AND ($19::text IS NULL OR j.terms -> 'unique' ->> 'key' = $19 OR j.terms -> 'turn' ->> 'key' = $19
               OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('key', $19)))
          AND ($20::text IS NULL OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('limit', $20)))
          AND ($21::text IS NULL OR j.terms ->> 'schedule' = $21) LIMIT 1) AS j
     WHERE $8 AND $15::uuid IS NULL AND p.outcome = ANY ($9::smallint[]) AND p.outcome < 9 AND ($3::uuid[] IS NULL OR p.id = ANY ($3)) AND ($14::uuid IS NULL OR p.id < $14)
       AND ($22::text IS NULL OR p.id = ANY (ARRAY (SELECT f.id FROM offload.job AS f WHERE f.terms ->> 'flow' = $22)))
       AND ($23::uuid IS NULL OR p.id = ANY (ARRAY (SELECT e.up FROM offload.edge AS e WHERE e.down = $23 AND e.wants = 3)))
       AND ($18::text IS NULL OR p.uses & 4 <> 0 AND strpos(lower((
            SELECT error FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1)), lower($18)) > 0)
     ORDER BY p.id DESC LIMIT $1)
    ORDER BY id DESC LIMIT $1
)
SELECT m.id, m.state, m.waits, m.attempt, m.failures, m.run_at, m.started_at, m.finished_at,
       CASE WHEN m.process IS NULL THEN '' ELSE coalesce((SELECT label FROM offload.process AS p WHERE p.id = m.process), m.process::text) END,
       m.process IS NOT NULL AND (m.uses & 1 <> 0 OR EXISTS (SELECT FROM offload.signal AS s WHERE s.id = m.id)),
       j.task, j.queue, j.priority::int, j.max_attempts, j.timeout, j.give_up_after, j.retain, j.created_at, j.tags,
       octet_length(j.input), CASE WHEN $2 OR octet_length(j.input) <= 4096 THEN j.input END,
       coalesce((SELECT error FROM offload.failure AS f WHERE m.uses & 4 <> 0 AND f.id = m.id ORDER BY attempt DESC LIMIT 1), ''),
       coalesce((SELECT n FROM offload.crash AS c WHERE m.uses & 16 <> 0 AND c.id = m.id AND c.last > now() - interval '72 hours'), 0),
       (SELECT CASE WHEN $2 OR octet_length(result) <= 4096 THEN result END FROM offload.result AS r WHERE m.uses & 8 <> 0 AND r.id = m.id),
       p.done, p.total, p.at, p.note, p.rate, j.terms, m.gate
FROM matching AS m CROSS JOIN LATERAL (
    SELECT task, queue, priority, max_attempts, timeout, give_up_after, retain, created_at, tags, input, terms
    FROM offload.job WHERE job.id = m.id LIMIT 1) AS j
LEFT JOIN offload.progress AS p ON m.uses & 64 <> 0 AND p.id = m.id AND p.attempt = m.attempt
ORDER BY m.id DESC
