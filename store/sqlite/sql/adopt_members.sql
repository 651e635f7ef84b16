-- Find members of batches that are not as these know them, and how they are.
-- Plan: SCAN m, and by id in up to four places: once, when a store is adopted.
SELECT batch, id, state FROM (
    SELECT m.batch, m.id, m.state AS known,
           CASE WHEN d.id IS NOT NULL THEN d.state
                WHEN EXISTS (SELECT 1 FROM offload_due WHERE id = m.id) OR EXISTS (SELECT 1 FROM offload_lease WHERE id = m.id)
                     OR EXISTS (SELECT 1 FROM offload_blocked WHERE id = m.id) THEN 0
                ELSE 5 END AS state
    FROM offload_member AS m LEFT JOIN offload_done AS d ON d.id = m.id
) WHERE (known = 0) <> (state = 0)
