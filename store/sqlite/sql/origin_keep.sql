-- Write down where the database was made, unless that is known. A backup says it, and a copy.
--   ?1 what its file is known by, as JSON
INSERT INTO offload_meta (name, value) VALUES ('origin', ?1) ON CONFLICT DO NOTHING
