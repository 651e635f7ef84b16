-- Insert one job as a lease of a process that runs it now, unless its id is there; as due where
-- something keeps it from starting.
--   $1 id  $2 task  $3 queue  $4 priority  $5 input  $6 tags  $7 max attempts
--   $8 timeout  $9 give up after  $10 retain  $11 uses  $12 process
-- The process's own row is locked as by claim.sql. run_at of a job that is due is stamped as by
-- insert_one.sql.
-- Plan: look-ups in the small tables of processes, queues and tasks; inserts.
WITH me AS MATERIALIZED (
    SELECT id FROM offload.process
    WHERE id = $12 AND NOT lost AND NOT quiet AND NOT stop
      AND NOT EXISTS (SELECT FROM offload.queue WHERE name = $3 AND paused)
      AND NOT EXISTS (SELECT FROM offload.task WHERE name = $2 AND paused)
    FOR KEY SHARE OF process
), added AS (
    INSERT INTO offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags)
    VALUES ($1, now(), $8, $9, $10, $7, $4, $3, $2, $5, $6::jsonb)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), leased AS (
    INSERT INTO offload.lease (id, process, run_at, started_at, attempt, failures, uses)
    SELECT added.id, me.id, now(), now(), 1, 0, $11 FROM added CROSS JOIN me
), waits AS (
    INSERT INTO offload.due (id, run_at, attempt, failures, priority, uses, queue)
    SELECT id, clock_timestamp(), 0, 0, $4, $11, $3 FROM added WHERE NOT EXISTS (SELECT FROM me)
)
SELECT EXISTS (SELECT FROM added) AS added, EXISTS (SELECT FROM me) AS leased, now()
