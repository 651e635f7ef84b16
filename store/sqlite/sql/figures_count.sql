-- Add up figures without their durations, as figures.sql reads them.
--   ?1 first minute   ?2 minute after the last   ?3 tasks and ?4 queues, JSON arrays; NULL is any   ?5 minutes of a step
-- Plan: SEARCH offload_figure USING PRIMARY KEY (minute>? AND minute<?), SEARCH offload_figure_hour USING PRIMARY KEY (hour>? AND hour<?).
SELECT minute - minute % ?5, task, queue, outcome, sum(n), NULL, NULL FROM (
    SELECT minute, task, queue, outcome, n FROM offload_figure
    WHERE minute >= ?1 AND minute < ?2
      AND (?3 IS NULL OR task IN (SELECT value FROM json_each(?3)))
      AND (?4 IS NULL OR queue IN (SELECT value FROM json_each(?4)))
    UNION ALL
    SELECT 60 * hour, task, queue, outcome, n FROM offload_figure_hour
    WHERE hour >= ?1 / 60 AND hour < (?2 - 1) / 60 + 1
      AND (?3 IS NULL OR task IN (SELECT value FROM json_each(?3)))
      AND (?4 IS NULL OR queue IN (SELECT value FROM json_each(?4)))
) GROUP BY 1, 2, 3, 4
