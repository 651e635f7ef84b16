-- Count those who wait for a key before a job.
--   ?1 gate   ?2 spot of the first who waits   ?3 spot of the job
-- Plan: SEARCH offload_line USING PRIMARY KEY (gate=? AND spot>? AND spot<?).
SELECT count(*) FROM offload_line WHERE gate = ?1 AND spot >= ?2 AND spot < ?3
