-- Change a job that was taken from its place; NULL leaves a column as it is.
--   ?1 id   ?2 queue   ?3 priority   ?4 whether the input changes   ?5 input   ?6 terms
UPDATE offload_job
SET queue = coalesce(?2, queue), priority = coalesce(?3, priority), input = CASE WHEN ?4 THEN ?5 ELSE input END,
    terms = coalesce(?6, terms)
WHERE id = ?1
