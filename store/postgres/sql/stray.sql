-- Are there leases without a live process?
-- Plan: a walk over lease with look-ups of process.
SELECT EXISTS (
    SELECT FROM offload.lease AS l WHERE NOT EXISTS (SELECT FROM offload.process AS p WHERE p.id = l.process AND NOT p.lost)
)
