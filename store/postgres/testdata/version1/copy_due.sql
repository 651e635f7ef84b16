-- Rows of due, from copy.go.
COPY offload.due (id, run_at, attempt, failures, priority, uses, queue) FROM STDIN (FORMAT binary)
