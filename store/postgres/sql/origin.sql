-- What the store was made on, as it is kept and as it is now; with a row 0 of migration, which says it.
--   Plan: look-ups; pg_control_system reads a file of 8 KiB.
-- xmin is the transaction that wrote the row: the same as then in every copy of the data directory, another
-- where the row was written again from a dump.
SELECT coalesce(m.name, ''), coalesce(m.xmin::text, ''), 'offload.migration'::regclass::oid::bigint, d.oid::bigint,
       current_setting('server_version_num')::int, d.datname::text,
       (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c)
FROM pg_catalog.pg_database AS d LEFT JOIN offload.migration AS m ON m.version = 0
WHERE d.datname = current_database()
