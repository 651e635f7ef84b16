-- Count the jobs of a queue that have ended since a minute.
--   ?1 queue   ?2 minute after which to look
-- Plan: SEARCH offload_figure USING PRIMARY KEY (minute>?).
SELECT coalesce(sum(n), 0) FROM offload_figure
WHERE minute > ?2 AND queue = ?1 AND outcome IN ('completed', 'discarded', 'cancelled', 'expired')
