-- Makes a transaction of ours durable where the role or the database has switched that off.
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'
