-- Say that the database is at home where it is.
--   ?1 what its file is known by, as JSON
INSERT INTO offload_meta (name, value) VALUES ('origin', ?1) ON CONFLICT DO UPDATE SET value = excluded.value
