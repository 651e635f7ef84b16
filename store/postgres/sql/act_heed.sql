-- Have jobs look again at what they are after, which the statement before has let wait again.
--   $1 ids
-- What has become of upstreams meanwhile nobody has told them. So all but those that have completed, which is for good,
-- and those that are gone, are unknown until Settle has looked at them. Edges that Settle is writing are waited for, which waits
-- for nobody. (coalesce keeps plans off edge_pkey.)
-- Plan: Index Scan using edge_down for each, look-ups by id in each place, inserts.
WITH unknown AS (
    UPDATE offload.edge AS e SET state = CASE
        WHEN e.state = 0 THEN e.state
        WHEN (SELECT 1 FROM offload.done AS p WHERE p.id = e.up AND p.outcome < 9 LIMIT 1) IS NOT NULL THEN NULL
        WHEN (SELECT 1 FROM offload.lease AS p WHERE p.id = e.up LIMIT 1) IS NOT NULL THEN NULL
        WHEN (SELECT 1 FROM offload.due AS p WHERE p.id = e.up LIMIT 1) IS NOT NULL THEN NULL
        WHEN (SELECT 1 FROM offload.blocked AS p WHERE p.id = e.up LIMIT 1) IS NOT NULL THEN NULL
        ELSE e.state END
    WHERE e.down = ANY ($1::uuid[]) AND coalesce(e.wants, 3) < 3
    RETURNING e.up, e.down
), forgotten AS (
    DELETE FROM offload.failure WHERE id = ANY (ARRAY (SELECT down FROM unknown)) AND kind = 'after'
)
INSERT INTO offload.mark (id) SELECT up FROM unknown UNION SELECT down FROM unknown
