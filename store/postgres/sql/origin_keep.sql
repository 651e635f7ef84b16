-- Write down where the store was made, unless that is known. It is row 0 of migration, so that it goes
-- along with the versions wherever they go, and programs of older releases pass it over.
-- The insert is no part of a block with an exception, so that the row's xmin is the transaction's own.
DO $$
DECLARE
    system text := '';
BEGIN
    BEGIN
        SELECT c.system_identifier::text INTO system FROM pg_catalog.pg_control_system() AS c;
    EXCEPTION WHEN OTHERS THEN
        system := '';
    END;
    INSERT INTO offload.migration (version, name, needs)
    SELECT 0, json_build_object('system', system, 'database', d.oid::bigint, 'table', 'offload.migration'::regclass::oid::bigint,
                                'row', ((pg_current_xact_id()::text::bigint) % 4294967296)::text,
                                'server', current_setting('server_version_num')::int, 'named', d.datname)::text, 0
    FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
    ON CONFLICT (version) DO NOTHING;
END
$$
