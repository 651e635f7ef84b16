-- Hand what has been left of gates, which are locked, to the first of those that wait.
--   $1 gates  $2 names of their limits
-- This decides for internal/gate what is the usual end of a job: a limit of jobs at once, which
-- nobody has paused and no job stops, and waiting jobs under this one limit only (8192). Done here
-- it is a third of the cost. Returns the queues and lanes of what is due now, and the gates at which others
-- wait, or rows are held by somebody: there gates_look.sql looks. It fails as a duplicate where a job that
-- waits has left a row in hold, as an older release may have it.
-- Plan: look-ups of gate and hold for each, Index Scan using blocked_gate, Tid Scan, inserts; a sort of the freed.
WITH limits AS MATERIALIZED (
    SELECT l.name, coalesce(l.by_hand, l.max) AS max FROM offload.limit AS l
    WHERE l.per = 0 AND l.name = ANY (ARRAY (SELECT DISTINCT name FROM unnest($2::text[]) AS name))
), room AS MATERIALIZED (
    SELECT asked.id, l.max - h.n AS most
    FROM unnest($1::text[], $2::text[]) AS asked (id, name)
    JOIN limits AS l ON l.name = asked.name
    CROSS JOIN LATERAL (
        SELECT FROM offload.gate AS g
        WHERE g.id = asked.id AND (g.paused_until IS NULL OR g.paused_until <= clock_timestamp()) LIMIT 1
    ) AS g
    CROSS JOIN LATERAL (
        SELECT CASE WHEN count(*) FILTER (WHERE x.stops) > 0 THEN 2147483647 ELSE count(*)::int END AS n FROM offload.hold AS x WHERE x.gate = asked.id
    ) AS h
    WHERE h.n < l.max
), line AS MATERIALIZED (
    SELECT room.id AS gate, b.place, b.uses
    FROM room LEFT JOIN LATERAL (
        SELECT w.ctid AS place, w.uses FROM offload.blocked AS w
        WHERE w.gate = room.id ORDER BY w.priority, w.run_at, w.id LIMIT least(room.most, 1000) FOR UPDATE SKIP LOCKED
    ) AS b ON true
), freed AS (
    DELETE FROM offload.blocked WHERE ctid = ANY (ARRAY (
        SELECT place FROM line WHERE uses & 8192 <> 0 AND gate <> ALL (ARRAY (SELECT gate FROM line WHERE uses & 8192 = 0))))
    RETURNING id, run_at, due_at, started_at, attempt, failures, priority, uses, queue, gate
), open AS (
    INSERT INTO offload.due (id, run_at, due_at, started_at, attempt, failures, priority, uses, queue)
    SELECT id, CASE WHEN priority < 10 THEN clock_timestamp() ELSE run_at END, CASE WHEN priority < 10 THEN run_at ELSE due_at END,
           started_at, attempt, failures, priority, uses & ~5632, queue
    FROM (SELECT * FROM freed ORDER BY priority, run_at, id) AS f
), held AS (
    INSERT INTO offload.hold (gate, id, weight) SELECT gate, id, 1 FROM freed
)
SELECT DISTINCT queue, priority::int, NULL::text FROM freed
UNION ALL
SELECT DISTINCT '', 0, l.gate FROM line AS l
WHERE l.uses & 8192 = 0 OR l.place IS NULL AND (SELECT 1 FROM offload.blocked AS b WHERE b.gate = l.gate LIMIT 1) IS NOT NULL
