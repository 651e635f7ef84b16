-- Let one transaction at a time, until its end, make open batches wait for what was stored before: two that don't see each other
-- would otherwise make a circle.
-- The lock has the number of the table of edges, with "loop" in front.
SELECT pg_advisory_xact_lock((x'6c6f6f70'::int::bigint << 32) | 'offload.edge'::regclass::oid::bigint)
