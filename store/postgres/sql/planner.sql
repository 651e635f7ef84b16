-- Settings of a transaction of ours on a connection of the user's: no plan by statistics that
-- are old, durable whatever the role says, and no longer than a call has.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
       set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
       set_config('statement_timeout', '10s', true), set_config('lock_timeout', '5s', true)
