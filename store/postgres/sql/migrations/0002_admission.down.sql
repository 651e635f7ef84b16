-- Back to plain jobs: what waits for a limit or a turn is due, and no limit holds any more.
CREATE OR REPLACE VIEW offload.jobs AS
SELECT p.id, j.task, j.queue, p.state, j.priority, p.attempt, p.failures, j.max_attempts,
       p.run_at, j.created_at, p.started_at, p.finished_at, p.process, j.tags,
       (SELECT f.error FROM offload.failure f WHERE f.id = p.id ORDER BY f.attempt DESC LIMIT 1) AS error,
       octet_length(j.input) AS input_size
FROM (
    SELECT id, CASE WHEN run_at <= now() THEN 'available' WHEN failures > 0 THEN 'retryable' ELSE 'scheduled' END AS state,
           attempt, failures, run_at, started_at, NULL::timestamptz AS finished_at, NULL::text AS process
    FROM offload.due
    UNION ALL
    SELECT l.id, 'running', l.attempt, l.failures, l.run_at, l.started_at, NULL, coalesce(p.label, l.process::text)
    FROM offload.lease l LEFT JOIN offload.process p ON p.id = l.process
    UNION ALL
    SELECT id, 'blocked', attempt, failures, run_at, started_at, NULL, NULL FROM offload.blocked
    UNION ALL
    SELECT id, CASE outcome WHEN 0 THEN 'completed' WHEN 1 THEN 'discarded' WHEN 2 THEN 'cancelled' ELSE 'expired' END,
           attempt, failures, run_at, started_at, finished_at, NULL
    FROM offload.done WHERE outcome < 9
) p JOIN offload.job j ON j.id = p.id;

WITH waited AS (
    DELETE FROM offload.blocked WHERE gate IS NOT NULL RETURNING *
)
INSERT INTO offload.due (id, run_at, started_at, attempt, failures, priority, uses, queue)
SELECT id, coalesce(due_at, run_at), started_at, attempt, failures, priority % 10, uses & 127, queue FROM waited;
UPDATE offload.due SET run_at = coalesce(due_at, run_at), priority = priority % 10, uses = uses & 127 WHERE uses > 127;
UPDATE offload.lease SET uses = uses & 127 WHERE uses > 127;
UPDATE offload.blocked SET uses = uses & 127 WHERE uses > 127;
UPDATE offload.queue SET epoch = epoch + 1;

DROP TABLE offload.inbox, offload.schedule, offload.expiry, offload.uniq, offload.turn, offload.dirty, offload.hold,
    offload.gate, offload.limit;
DROP INDEX offload.blocked_gate;
ALTER TABLE offload.blocked DROP COLUMN due_at, ALTER COLUMN gate TYPE text COLLATE "default",
    RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
ALTER TABLE offload.due DROP COLUMN due_at;
ALTER TABLE offload.job DROP COLUMN terms;
