-- Take marks, and lock the jobs that they name where they lie. What becomes of them is looked at in
-- the next statement.
--   $1 how many at most
-- Whoever ends one of these jobs from now on sees that others wait for it (16384). Returns how many were
-- taken, then all ids, with 0, then those that are locked: 1, or 2 if they wait for others, or were cut off, themselves. Those that
-- somebody else has are left to him. One that has completed needs no lock, and comes with 3: so it stays.
-- Plan: Index Scan using mark_pkey, look-ups by id in each place.
WITH taken AS (
    DELETE FROM offload.mark WHERE n = ANY (ARRAY (
        SELECT m.n FROM offload.mark AS m ORDER BY m.n LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING id
), ids AS MATERIALIZED (
    SELECT DISTINCT id FROM taken
), c AS MATERIALIZED (
    SELECT p.id FROM offload.done AS p WHERE p.id = ANY (ARRAY (SELECT id FROM ids)) AND p.outcome = 0 AND p.uses & 16384 <> 0
), others AS MATERIALIZED (
    SELECT id FROM ids WHERE id NOT IN (SELECT id FROM c)
), e AS MATERIALIZED (
    SELECT p.id, p.uses, p.outcome = 2 AND p.uses & 512 <> 0 AS waits FROM offload.done AS p
    WHERE p.id = ANY (ARRAY (SELECT id FROM others)) FOR UPDATE SKIP LOCKED
), b AS MATERIALIZED (
    SELECT p.id, p.uses, coalesce(p.gate IN ('after', 'held'), false) AS waits FROM offload.blocked AS p
    WHERE p.id = ANY (ARRAY (SELECT id FROM others)) FOR UPDATE SKIP LOCKED
), d AS MATERIALIZED (
    SELECT p.id, p.uses FROM offload.due AS p WHERE p.id = ANY (ARRAY (SELECT id FROM others)) FOR UPDATE SKIP LOCKED
), l AS MATERIALIZED (
    SELECT p.id, p.uses FROM offload.lease AS p WHERE p.id = ANY (ARRAY (SELECT id FROM others)) FOR UPDATE SKIP LOCKED
), ue AS (
    UPDATE offload.done SET uses = uses | 16384 WHERE id = ANY (ARRAY (SELECT id FROM e WHERE uses & 16384 = 0))
), ub AS (
    UPDATE offload.blocked SET uses = uses | 16384 WHERE id = ANY (ARRAY (SELECT id FROM b WHERE uses & 16384 = 0))
), ud AS (
    UPDATE offload.due SET uses = uses | 16384 WHERE id = ANY (ARRAY (SELECT id FROM d WHERE uses & 16384 = 0))
), ul AS (
    UPDATE offload.lease SET uses = uses | 16384 WHERE id = ANY (ARRAY (SELECT id FROM l WHERE uses & 16384 = 0))
)
SELECT NULL::uuid, count(*)::int FROM taken
UNION ALL
SELECT id, 0 FROM ids
UNION ALL
SELECT id, 3 FROM c
UNION ALL
SELECT id, 1 + waits::int FROM e
UNION ALL
SELECT id, 1 + waits::int FROM b
UNION ALL
SELECT id, 1 FROM d
UNION ALL
SELECT id, 1 FROM l
