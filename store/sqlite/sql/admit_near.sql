-- Read who waits for limits in a stretch of one queue and lane: the run_at or turn and the id of each, in order, as one text.
--   ?1 queue   ?2 lane   ?3 run_at or turn and ?4 id of the first   ?5, ?6 those of the last   ?7 limit
-- A row for each would cost more than the walk.
-- Plan: SEARCH offload_blocked USING PRIMARY KEY (queue=? AND waits=? AND task=? AND priority=? AND (run_at,id)>(?,?) AND (run_at,id)<(?,?)), no sort.
SELECT coalesce(group_concat(place), '') FROM (
    SELECT run_at || hex(id) AS place FROM offload_blocked
    WHERE queue = ?1 AND waits = 2 AND task = '' AND priority = ?2 AND (run_at, id) >= (?3, ?4) AND (run_at, id) <= (?5, ?6)
    ORDER BY run_at, id LIMIT ?7
)
