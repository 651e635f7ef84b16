-- Remember where the walk through done has come to.
--   $1 id
INSERT INTO offload.duty (name, next_at, last) VALUES ('walk through done', 'infinity', $1)
ON CONFLICT (name) DO UPDATE SET last = excluded.last
