-- Blank what ended jobs say. Those that were cut off (512) do not come back any more with an upstream that is retried.
--   $1 ids  $2 the input of an erased job  $3 the error of one
-- Plan: look-ups by id in each place.
WITH ended AS MATERIALIZED (
    SELECT d.id, CASE d.outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END AS state
    FROM offload.done AS d WHERE d.id = ANY ($1::uuid[]) AND d.outcome < 9 ORDER BY d.id FOR UPDATE
), erased AS MATERIALIZED (
    UPDATE offload.job SET input = $2::bytea
    WHERE id = ANY (ARRAY (SELECT id FROM ended)) AND input IS DISTINCT FROM $2::bytea
    RETURNING id
), u AS (
    UPDATE offload.done SET uses = uses & ~512 WHERE id = ANY (ARRAY (SELECT id FROM ended)) AND uses & 512 <> 0
), r AS (
    DELETE FROM offload.result WHERE id = ANY (ARRAY (SELECT id FROM ended))
), p AS (
    DELETE FROM offload.progress WHERE id = ANY (ARRAY (SELECT id FROM ended))
), lg AS (
    DELETE FROM offload.log WHERE id = ANY (ARRAY (SELECT id FROM ended))
), ld AS (
    DELETE FROM offload.logged WHERE id = ANY (ARRAY (SELECT id FROM ended))
), m AS (
    DELETE FROM offload.memo WHERE id = ANY (ARRAY (SELECT id FROM ended))
), f AS (
    UPDATE offload.failure SET error = $3::text, stack = '' WHERE id = ANY (ARRAY (SELECT id FROM ended))
)
SELECT id::text, CASE WHEN id = ANY (ARRAY (SELECT id FROM erased)) THEN 'done' ELSE 'nothing' END, state, '', 0, NULL::text, NULL::text, NULL::text
FROM ended
UNION ALL
SELECT id::text, 'refused', CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END, '', 0, NULL, NULL, NULL
FROM offload.due WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT id::text, 'refused', 'running', '', 0, NULL, NULL, NULL FROM offload.lease WHERE id = ANY ($1::uuid[])
UNION ALL
SELECT w.id::text, 'refused', 'blocked', '', 0, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (SELECT FROM offload.blocked AS b WHERE b.id = w.id LIMIT 1) AS b
