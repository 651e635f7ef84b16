-- Settings of the engine's connections: $1 whether they end with the transaction.
-- The planner's must be there before a statement is planned: prepared on empty tables, a claim
-- would otherwise keep a scan of all of due and a hash join over all of job until the next
-- ANALYZE, 50 ms instead of 2. Isolation, because "lock, then look in the next statement" holds
-- in READ COMMITTED only; synchronous_commit, because a role may have it off.
SELECT set_config('enable_seqscan', 'off', $1),
       set_config('enable_bitmapscan', 'off', $1),
       set_config('enable_hashjoin', 'off', $1),
       set_config('enable_mergejoin', 'off', $1),
       set_config('jit', 'off', $1),
       set_config('plan_cache_mode', 'force_generic_plan', $1),
       set_config('default_transaction_isolation', 'read committed', $1),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, $1),
       set_config('statement_timeout', '10s', $1),
       set_config('lock_timeout', '5s', $1),
       set_config('idle_in_transaction_session_timeout', '15s', $1)
