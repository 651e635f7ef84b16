-- Rows of blocked for jobs that wait for a limit, from enter_copy.go.
COPY offload.blocked (id, run_at, due_at, attempt, failures, priority, uses, suspect, queue, task, gate) FROM STDIN (FORMAT binary)
