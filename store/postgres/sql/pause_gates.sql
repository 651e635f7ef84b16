-- Let jobs wait at gates that are paused: those that were let through and have not been claimed.
--   $1 gates
-- A row that is being claimed is started before the pause.
-- Plan: Index Scan using hold_pkey, look-ups of due and job, inserts.
WITH found AS MATERIALIZED (
    SELECT w.gate, h.id FROM unnest($1::text[]) AS w (gate)
    CROSS JOIN LATERAL (SELECT id FROM offload.hold WHERE hold.gate = w.gate AND NOT hold.stops OFFSET 0) AS h
), taken AS (
    DELETE FROM offload.due WHERE id = ANY (ARRAY (
        SELECT d.id FROM offload.due AS d WHERE d.id = ANY (ARRAY (SELECT id FROM found)) AND d.uses & 512 = 0 FOR UPDATE SKIP LOCKED))
    RETURNING id, run_at, due_at, started_at, attempt, failures, priority, uses, queue
), at AS MATERIALIZED (
    SELECT t.*, (SELECT f.gate FROM found AS f WHERE f.id = t.id ORDER BY f.gate LIMIT 1) AS gate FROM taken AS t
), waits AS (
    INSERT INTO offload.blocked (id, run_at, due_at, started_at, attempt, failures, priority, uses, suspect, queue, task, gate)
    SELECT id, CASE WHEN priority < 10 THEN coalesce(due_at, run_at) ELSE run_at END, CASE WHEN priority >= 10 THEN due_at END,
           started_at, attempt, failures, priority, uses & ~1024, false, queue, '', gate
    FROM at
)
SELECT at.id::text, job.task, job.terms FROM at CROSS JOIN LATERAL (SELECT task, terms FROM offload.job WHERE job.id = at.id LIMIT 1) AS job
