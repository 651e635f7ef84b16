-- Read the processes that one observes: the next ones by id, as a ring.
--   ?1 id   ?2 how many
-- Plan: two searches of the index by id.
SELECT id, beats FROM (SELECT 0 AS turn, id, beats FROM offload_process WHERE id > ?1 AND gone_at IS NULL ORDER BY id LIMIT ?2)
UNION ALL
SELECT id, beats FROM (SELECT 1 AS turn, id, beats FROM offload_process WHERE id < ?1 AND gone_at IS NULL ORDER BY id LIMIT ?2)
LIMIT ?2
