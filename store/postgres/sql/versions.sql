-- The versions that the database has.
SELECT version, name, needs, applied_at FROM offload.migration WHERE version > 0
