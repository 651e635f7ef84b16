-- Free unique keys, whose rows are locked, of jobs that have ended, or started where they hold no longer.
--   $1 keys
-- Plan: look-ups by id.
DELETE FROM offload.uniq AS u
WHERE u.key = ANY ($1::text[]) AND (
    u.until = 'ended' AND (SELECT 1 FROM offload.due AS p WHERE p.id = u.id LIMIT 1) IS NULL
        AND (SELECT 1 FROM offload.lease AS p WHERE p.id = u.id LIMIT 1) IS NULL
        AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = u.id LIMIT 1) IS NULL
    OR u.until = 'started' AND (SELECT 1 FROM offload.due AS p WHERE p.id = u.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL
        AND (SELECT 1 FROM offload.blocked AS p WHERE p.id = u.id AND p.uses & 2048 = 0 LIMIT 1) IS NULL)
