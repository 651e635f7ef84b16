-- After the first migration, as offload_owner:
--   psql -v ON_ERROR_STOP=1 -f docs/deploy/grants.sql shop
REVOKE INSERT, UPDATE, DELETE ON offload.migration FROM offload_worker;
GRANT INSERT ON offload.inbox TO offload_enqueuer;
