-- Keep a failed attempt.
INSERT INTO offload_failure (id, attempt, error, kind, stack, process, started_at, failed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
