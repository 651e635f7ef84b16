-- Take a job out of done, if it has ended as it had when it was found.
--   ?1 id   ?2 finished at or before
DELETE FROM offload_done WHERE id = ?1 AND finished_at <= ?2 RETURNING uses
