-- Read logs of jobs.
--   $1 ids
SELECT g.id, g.seq, g.attempt, g.at, g.level, g.text, g.attrs, coalesce((SELECT ended FROM offload.logged AS l WHERE l.id = g.id), false)
FROM offload.log AS g WHERE g.id = ANY ($1::uuid[]) ORDER BY g.id, g.seq
