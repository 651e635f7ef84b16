-- Rows of job, from copy.go.
COPY offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags) FROM STDIN (FORMAT binary)
