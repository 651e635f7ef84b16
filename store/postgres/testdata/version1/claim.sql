-- Move due jobs of one queue into leases: of the priorities in the order asked for, oldest first.
--   $1 process  $2 queue  $3 priorities  $4 marks, one for each  $5 limit  $6 epoch known
-- A scan begins at the mark of its lane, so that it does not walk over dead entries that an old
-- snapshot keeps; where the queue's epoch is not the one known, jobs were put back in front, and
-- it begins at the left. Rows that another claim has locked are passed over.
-- The process's own row is locked, so that no claim of a process that is being declared lost can
-- commit after its leases have been given away.
-- Its own number is above that of every transaction that has stamped a run_at before, and xmin
-- says which of them have ended. (The snapshot's xmax is only one above the last that has ended.)
-- Where nothing is claimed one row comes back, with nulls.
-- Plan: Index Scan using due_pkey for each lane, Tid Scan, look-ups of job; no sort, no Seq Scan.
WITH me AS MATERIALIZED (
    SELECT id FROM offload.process WHERE id = $1 AND NOT lost FOR KEY SHARE
), seen AS MATERIALIZED (
    SELECT coalesce((SELECT epoch FROM offload.queue WHERE name = $2), 0) AS epoch
), picked AS MATERIALIZED (
    SELECT found.place
    FROM me CROSS JOIN seen
    CROSS JOIN unnest($3::smallint[], $4::timestamptz[]) WITH ORDINALITY AS lane (priority, mark, turn)
    CROSS JOIN LATERAL (
        SELECT due.ctid AS place
        FROM offload.due
        WHERE due.queue = $2 AND due.priority = lane.priority AND due.run_at <= now()
          AND due.run_at >= CASE WHEN seen.epoch = $6 THEN lane.mark ELSE '-infinity'::timestamptz END
        ORDER BY due.run_at, due.id
        LIMIT $5
        FOR UPDATE SKIP LOCKED
    ) AS found
    LIMIT $5
), taken AS (
    DELETE FROM offload.due WHERE ctid = ANY (ARRAY (SELECT place FROM picked))
    RETURNING id, run_at, attempt, failures, priority, uses, gate
), leased AS (
    INSERT INTO offload.lease (id, process, run_at, started_at, attempt, failures, uses, gate)
    SELECT id, $1, run_at, now(), attempt + 1, failures, uses, gate FROM taken
)
SELECT view.member, view.now, view.epoch, view.xmin, view.number,
       taken.id, taken.attempt + 1, taken.failures, coalesce(crash.n, 0), taken.priority::int,
       job.task, job.input, job.large, job.tags, job.max_attempts, job.timeout, job.give_up_after, job.retain,
       taken.run_at, job.created_at
FROM (
    SELECT EXISTS (SELECT FROM me) AS member, now() AS now, seen.epoch,
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin,
           pg_current_xact_id()::text::bigint AS number
    FROM seen
) AS view
LEFT JOIN taken ON true
LEFT JOIN LATERAL (
    SELECT task, tags, max_attempts, timeout, give_up_after, retain, created_at,
           octet_length(input) > 4096 AS large,
           CASE WHEN octet_length(input) <= 4096 THEN input END AS input
    FROM offload.job WHERE job.id = taken.id LIMIT 1
) AS job ON true
LEFT JOIN LATERAL (
    SELECT n FROM offload.crash
    WHERE taken.uses & 16 <> 0 AND crash.id = taken.id AND crash.last > now() - interval '72 hours' LIMIT 1
) AS crash ON true
