-- End attempts that completed and are known to no side table but their result, or that of their terms; followed by finish_lease.
--   ?1 ids, one behind the other   ?2 process   ?3 attempt   ?4 now   ?5 bits to add to uses   ?6 retain
--   ?7 bits of uses of which none may be set
-- Plan: SEARCH offload_lease USING PRIMARY KEY (id=?), LIST SUBQUERY.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 16 FROM n WHERE i + 16 < length(?1))
INSERT INTO offload_done (id, state, attempt, failures, uses, run_at, started_at, finished_at, closer, closed, retain)
SELECT id, 1, attempt, failures, uses & ~1408 | ?5, run_at, started_at, ?4, process, attempt, ?6 FROM offload_lease
WHERE id IN (SELECT substr(?1, i, 16) FROM n) AND process = ?2 AND attempt = ?3 AND uses & ?7 = 0
