-- What find.sql and count_up_to.sql want of jobs: j is the job, p its place.
--   $1 ids  $2 tasks  $3 queues  $4 created since  $5 until  $8 tag  $9 its value  $10 text in the last error
--   $11 key of a limit, a turn or its own  $12 limit  $13 schedule  $17 priorities
--   $18 text that an input has in lower case, $19 and as it is, unless it has escapes: \u00
--   $20 group of the last error      (null is any)
($2::text[] IS NULL OR j.task = ANY ($2))
AND CASE WHEN $3::text[] IS NOT NULL THEN j.queue = ANY ($3) ELSE $1::uuid[] IS NOT NULL OR j.queue <> 'offload' END
AND ($4::timestamptz IS NULL OR j.created_at >= $4) AND ($5::timestamptz IS NULL OR j.created_at < $5)
AND ($8::text IS NULL OR CASE WHEN $9::text IS NULL THEN j.tags ? $8 ELSE j.tags ->> $8 = $9 END)
AND ($11::text IS NULL OR j.terms -> 'unique' ->> 'key' = $11 OR j.terms -> 'turn' ->> 'key' = $11
     OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('key', $11)))
AND ($12::text IS NULL OR j.terms -> 'limits' @> jsonb_build_array(jsonb_build_object('limit', $12)))
AND ($13::text IS NULL OR j.terms ->> 'schedule' = $13)
AND ($17::integer[] IS NULL OR j.priority = ANY ($17))
AND ($18::text IS NULL OR strpos(lower(encode(j.input, 'escape') COLLATE "C"), $18) > 0 OR position('\x5c753030'::bytea IN j.input) > 0)
AND ($19::bytea IS NULL OR position($19 IN j.input) > 0 OR position('\x5c753030'::bytea IN j.input) > 0)
AND ($10::text IS NULL OR p.uses & 4 <> 0 AND strpos(lower((
  SELECT error FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1)), lower($10)) > 0)
AND ($20::text IS NULL OR (SELECT cause FROM offload.failure AS f WHERE f.id = p.id ORDER BY attempt DESC LIMIT 1) = $20)
