-- Keep what somebody did. The same record again is the record once.
--   $1 id  $2 time, null is now  $3 who  $4 what  $5 jobs  $6 filter  $7 job
INSERT INTO offload.record (id, at, who, what, jobs, filter, job)
VALUES ($1::uuid, coalesce($2::timestamptz, clock_timestamp()), $3, $4, $5, $6::bytea, $7::uuid)
ON CONFLICT (id) DO UPDATE SET at = excluded.at, who = excluded.who, what = excluded.what, jobs = excluded.jobs,
    filter = excluded.filter, job = excluded.job
