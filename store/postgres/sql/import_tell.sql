-- Note with jobs that others wait for them.
--   $1 ids
-- Plan: look-ups by id in each place.
WITH d AS (
    UPDATE offload.due SET uses = uses | 16384 WHERE id = ANY ($1::uuid[]) AND uses & 16384 = 0
), b AS (
    UPDATE offload.blocked SET uses = uses | 16384 WHERE id = ANY ($1::uuid[]) AND uses & 16384 = 0
)
UPDATE offload.done SET uses = uses | 16384 WHERE id = ANY ($1::uuid[]) AND uses & 16384 = 0
