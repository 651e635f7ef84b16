-- Declare the processes lost that judge.sql has locked, and keep a document of each that did not leave by itself.
--   $1 ids  $2 beats  $3 they did not leave  $4 kind of the documents  $5 for how long they are kept (µs)
-- Plan: look-ups by id, an upsert.
WITH lost AS (
    UPDATE offload.process AS p SET lost = true, asleep = false
    FROM unnest($1::uuid[], $2::bigint[]) AS b (id, beats)
    WHERE b.id = p.id AND NOT p.lost AND (b.beats = -1 OR p.beats = b.beats)
    RETURNING p.id, p.name, p.host, p.pid
), kept AS (
    INSERT INTO offload.document (kind, key, version, at, expires_at, value)
    SELECT $4::text, id::text, (extract(epoch FROM now()) * 1000000)::bigint, now(), now() + $5::bigint * interval '1 microsecond',
           convert_to(json_build_object('name', name, 'host', host, 'pid', pid)::text, 'UTF8')
    FROM lost WHERE $3::boolean
    ON CONFLICT (kind, key) DO NOTHING
)
SELECT id FROM lost
