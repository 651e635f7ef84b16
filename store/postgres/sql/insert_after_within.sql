-- Insert jobs within somebody's transaction that wait for others, unless their ids are there. (NULL) stands for as
-- many rows as there are jobs, each of:
--   id  task  queue  priority  input  tags  max attempts  timeout  give up after  retain  run at  delay (µs)  uses  terms
-- As insert_within.sql.
WITH wanted (id, task, queue, priority, input, tags, max_attempts, timeout, give_up_after, retain, run_at, delay, uses, terms) AS MATERIALIZED (
    VALUES (NULL)
), added AS (
    INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags, terms)
    SELECT id, clock_timestamp(), timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags, terms
    FROM wanted
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
INSERT INTO offload.blocked (id, run_at, attempt, failures, priority, uses, suspect, queue, task, gate)
SELECT id, CASE WHEN n.run_at IS NULL THEN clock_timestamp() + n.delay * interval '1 microsecond'
                ELSE greatest(n.run_at, clock_timestamp()) END,
       0, 0, n.priority, n.uses, false, n.queue, '', 'after'
FROM added JOIN wanted AS n USING (id)
RETURNING id::text
