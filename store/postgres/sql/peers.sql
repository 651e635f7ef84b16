-- The next processes by id, as a ring.
--   $1 id of the one that asks  $2 how many
-- Plan: two Index Scans using process_pkey.
SELECT id, beats FROM (
    (SELECT id, beats, 0 AS turn FROM offload.process WHERE id > $1 AND NOT lost ORDER BY id LIMIT $2)
    UNION ALL
    (SELECT id, beats, 1 FROM offload.process WHERE id < $1 AND NOT lost ORDER BY id LIMIT $2)
) AS ring ORDER BY turn, id LIMIT $2
