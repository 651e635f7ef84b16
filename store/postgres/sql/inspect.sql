-- What must be known of a server before it is used.
SELECT current_setting('server_version_num')::int,
       current_setting('server_version'),
       current_setting('transaction_read_only')::bool,
       pg_is_in_recovery(),
       array_to_string(ARRAY (
           SELECT name FROM unnest(ARRAY ['fsync', 'full_page_writes']) AS name WHERE current_setting(name) = 'off'
       ), ', '),
       pg_backend_pid(),
       has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
