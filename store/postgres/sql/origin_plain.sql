-- origin.sql for a role that may not call pg_control_system.
SELECT coalesce(m.name, ''), coalesce(m.xmin::text, ''), 'offload.migration'::regclass::oid::bigint, d.oid::bigint,
       current_setting('server_version_num')::int, d.datname::text, ''
FROM pg_catalog.pg_database AS d LEFT JOIN offload.migration AS m ON m.version = 0
WHERE d.datname = current_database()
