-- Read figures.
--   ?1 first minute   ?2 minute after the last   ?3 tasks and ?4 queues, JSON arrays; NULL is any
-- Plan: SEARCH offload_figure USING PRIMARY KEY (minute>? AND minute<?).
SELECT minute, task, queue, outcome, n, wait, run FROM offload_figure
WHERE minute >= ?1 AND minute < ?2
  AND (?3 IS NULL OR task IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR queue IN (SELECT value FROM json_each(?4)))
