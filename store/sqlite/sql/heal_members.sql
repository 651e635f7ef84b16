-- Read members of batches, and whether something is to be done about them: 1 the batch is gone, 2 the member is not as its row has it.
--   ?1 batch, ?2 state and ?3 id after which to look   ?4 limit
-- Plan: SEARCH m USING PRIMARY KEY ((batch,state,id)>(?,?,?)), and by id in up to four places.
SELECT m.batch, m.state, m.id,
       CASE WHEN NOT EXISTS (SELECT 1 FROM offload_job WHERE id = m.batch AND task <> '') THEN 1
            WHEN (m.state = 0) <> (EXISTS (SELECT 1 FROM offload_due WHERE id = m.id)
                 OR EXISTS (SELECT 1 FROM offload_lease WHERE id = m.id)
                 OR EXISTS (SELECT 1 FROM offload_blocked WHERE id = m.id)) THEN 2
            ELSE 0 END
FROM offload_member AS m WHERE (m.batch, m.state, m.id) > (?1, ?2, ?3) ORDER BY m.batch, m.state, m.id LIMIT ?4
