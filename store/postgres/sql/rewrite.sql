-- Replace a text of a job by another that says the same, if it is still as it was.
--   $1 id  $2 which  $3 old  $4 new  $5 name of a memo  $6 number of a line
-- A claim that reads the old input at the same moment can do with it as well.
-- Plan: look-ups by id.
WITH i AS (
    UPDATE offload.job SET input = $4 WHERE $2::text = 'input' AND id = $1 AND input = $3 RETURNING 1
), r AS (
    UPDATE offload.result SET result = $4 WHERE $2::text = 'result' AND id = $1 AND result = $3 RETURNING 1
), m AS (
    UPDATE offload.memo SET data = $4 WHERE $2::text = 'memo' AND id = $1 AND name = $5::text AND data = $3 RETURNING 1
), t AS (
    UPDATE offload.log SET text = convert_from($4, 'UTF8')
    WHERE $2::text = 'line' AND id = $1 AND seq = $6::bigint AND text = convert_from($3, 'UTF8') RETURNING 1
), a AS (
    UPDATE offload.log SET attrs = convert_from($4, 'UTF8')
    WHERE $2::text = 'attrs' AND id = $1 AND seq = $6::bigint AND attrs = convert_from($3, 'UTF8') RETURNING 1
)
SELECT (SELECT count(*) FROM i) + (SELECT count(*) FROM r) + (SELECT count(*) FROM m) + (SELECT count(*) FROM t) + (SELECT count(*) FROM a)
