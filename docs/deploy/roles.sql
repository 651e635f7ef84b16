-- Roles for PostgreSQL, before the first migration. Run it as somebody who may create roles:
--   psql -v ON_ERROR_STOP=1 -f docs/deploy/roles.sql shop
-- Give them passwords, or certificates, as you do elsewhere.

-- Owns the tables, and migrates them: offload migrate.
CREATE ROLE offload_owner LOGIN;
-- Works jobs, and enqueues them: App.Run, App.Enqueue with NoMigrate, offload work.
CREATE ROLE offload_worker LOGIN;
-- Only asks for jobs, by a row of the inbox, from any language.
CREATE ROLE offload_enqueuer LOGIN;
-- Only looks: SQL of people, exports.
CREATE ROLE offload_reader LOGIN;

CREATE SCHEMA offload AUTHORIZATION offload_owner;
GRANT USAGE ON SCHEMA offload TO offload_worker, offload_enqueuer, offload_reader;

-- Tables that later releases add are granted with them.
ALTER DEFAULT PRIVILEGES FOR ROLE offload_owner IN SCHEMA offload
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO offload_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE offload_owner IN SCHEMA offload
    GRANT SELECT ON TABLES TO offload_reader;
