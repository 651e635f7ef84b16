-- Keys of a limit that say something, those that wait most first.
--   $1 the first possible id of its gates  $2 the id after the last  $3 how many at most
--   $4 the most of what is counted  $5 the only gate that is asked for, or null
-- Plan: Index Scan using gate_pkey; counts that stop, for each.
SELECT clock_timestamp(), g.id, g.full_at, g.paused_until, h.held, h.weight, h.stops::text, h.holders, w.n, f.terms
FROM offload.gate AS g
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT x.stops)::int AS held,
           coalesce(sum(least(x.weight, $4::int)) FILTER (WHERE NOT x.stops), 0)::int AS weight,
           (array_agg(x.id) FILTER (WHERE x.stops))[1] AS stops,
           (array_agg(x.id::text ORDER BY x.id) FILTER (WHERE NOT x.stops))[1:10] AS holders
    FROM offload.hold AS x WHERE x.gate = g.id
) AS h
CROSS JOIN LATERAL (
    SELECT count(*)::int AS n FROM (SELECT FROM offload.blocked AS b WHERE b.gate = g.id LIMIT 1000) AS x
) AS w
LEFT JOIN LATERAL (
    SELECT j.terms FROM (
        SELECT b.id FROM offload.blocked AS b WHERE b.gate = g.id ORDER BY b.priority, b.run_at, b.id LIMIT 1
    ) AS b CROSS JOIN LATERAL (SELECT terms FROM offload.job WHERE job.id = b.id LIMIT 1) AS j
) AS f ON true
WHERE g.id >= $1::text AND g.id < $2::text AND ($5::text IS NULL OR g.id = $5)
  AND (h.held > 0 OR h.stops IS NOT NULL OR w.n > 0 OR g.full_at > clock_timestamp() OR g.paused_until > clock_timestamp())
ORDER BY w.n DESC, h.held DESC, g.id LIMIT $3
