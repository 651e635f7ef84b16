-- Lock the jobs that hold unique keys, if they wait, so that they go on to.
--   $1 keys
-- Plan: look-ups by id.
WITH d AS (
    SELECT d.id FROM offload.due AS d
    WHERE d.id = ANY (ARRAY (SELECT u.id FROM offload.uniq AS u WHERE u.key = ANY ($1::text[]) ORDER BY u.id)) FOR UPDATE OF d
), b AS (
    SELECT b.id FROM offload.blocked AS b
    WHERE b.id = ANY (ARRAY (SELECT u.id FROM offload.uniq AS u WHERE u.key = ANY ($1::text[]) ORDER BY u.id)) FOR UPDATE OF b
)
SELECT id::text FROM d UNION ALL SELECT id::text FROM b
