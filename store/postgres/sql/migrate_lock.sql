-- Take the lock of migrations, which ends with the transaction.
--   $1 its number
-- A statement of a migration must not queue up behind a long transaction, and all others behind
-- it: it gives up soon and is tried again much later. The lock itself is waited for: nobody else
-- queues up behind that.
SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
       pg_advisory_xact_lock($1), set_config('lock_timeout', '500ms', true)
