-- Count the members of a batch by state.
--   ?1 batch
-- Plan: SEARCH offload_job USING PRIMARY KEY, SEARCH offload_member USING PRIMARY KEY (batch=?).
SELECT m.state, count(m.id) FROM offload_job AS j LEFT JOIN offload_member AS m ON m.batch = j.id
WHERE j.id = ?1 AND j.task = 'offload.batch' GROUP BY m.state
