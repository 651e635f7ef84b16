-- For a transaction on a connection of the user's: no plan of statistics that are old, and the
-- time that a call has.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true),
       set_config('statement_timeout', '10s', true), set_config('lock_timeout', '5s', true)
