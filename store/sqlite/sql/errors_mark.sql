-- Give a failure its group, if it is still the one that was read.
--   ?1 id   ?2 attempt   ?3 failed at   ?4 group   ?5 error
-- Plan: SEARCH offload_failure USING PRIMARY KEY (id=? AND attempt=?).
UPDATE offload_failure SET cause = ?4 WHERE id = ?1 AND attempt = ?2 AND failed_at = ?3 AND error = ?5 AND cause IS NULL AND kind <> 'after'
