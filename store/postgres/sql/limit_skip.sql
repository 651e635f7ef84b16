-- Let a strict limit's key go on that a job has stopped.
--   $1 gate
WITH gone AS (
    DELETE FROM offload.hold WHERE gate = $1::text AND stops RETURNING gate
)
INSERT INTO offload.dirty (at, gate) SELECT DISTINCT clock_timestamp(), gate FROM gone
