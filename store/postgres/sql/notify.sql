-- Tell processes that sleep of jobs.
--   $1 channel  $2 what to tell
-- A notification serialises commits, so none is sent while all are busy. It may be lost, so
-- this commit need not wait for the disk.
-- Plan: a scan of the few rows of process; the rest only if one sleeps.
WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true)
    WHERE EXISTS (SELECT FROM offload.process WHERE asleep AND NOT lost)
)
SELECT pg_notify($1, told) FROM quick CROSS JOIN unnest($2::text[]) AS told
