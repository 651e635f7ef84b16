-- Rows of job with terms, from enter_copy.go.
COPY offload.job (id, created_at, timeout, give_up_after, retain, max_attempts, priority, queue, task, input, tags, terms) FROM STDIN (FORMAT binary)
