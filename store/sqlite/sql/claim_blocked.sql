-- Lease a blocked job; followed by its DELETE.
--   ?1 id   ?2 process   ?3 now
INSERT INTO offload_lease (id, process, attempt, failures, uses, run_at, started_at, closer, closed, gate)
SELECT id, ?2, attempt + 1, failures, uses, run_at, ?3, closer, closed, gate FROM offload_blocked WHERE id = ?1
