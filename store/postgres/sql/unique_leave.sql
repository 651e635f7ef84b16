-- Free unique keys of jobs that have started, or have ended.
--   $1 keys  $2 ids of jobs  $3 whether each has ended
-- A key that somebody has locked is left: that its job has ended is seen by whoever wants it.
-- Plan: look-ups of uniq.
DELETE FROM offload.uniq WHERE key = ANY (ARRAY (
    SELECT u.key FROM unnest($1::text[], $2::uuid[], $3::boolean[]) AS w (key, id, ended)
    CROSS JOIN LATERAL (
        SELECT x.key FROM offload.uniq AS x
        WHERE x.key = w.key AND x.id = w.id AND (x.until = 'started' OR w.ended AND x.until = 'ended')
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS u))
