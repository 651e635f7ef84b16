-- Write down what schedules have done that are locked.
--   $1 names  $2 next, null is never  $3 tick that was taken, null if none was  $4 its job, null is none
-- Plan: look-ups of schedule, Tid Scan.
UPDATE offload.schedule AS s
SET next_at = w.next_at, last_at = coalesce(w.last_at, s.last_at),
    last_job = CASE WHEN w.last_at IS NULL AND w.last_job IS NULL THEN s.last_job ELSE w.last_job END
FROM (
    SELECT w.next_at, w.last_at, w.last_job, (SELECT x.ctid FROM offload.schedule AS x WHERE x.name = w.name LIMIT 1) AS place
    FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::uuid[]) AS w (name, next_at, last_at, last_job) OFFSET 0
) AS w
WHERE s.ctid = w.place
