-- Rows of due for jobs with terms, from enter_copy.go.
COPY offload.due (id, run_at, due_at, attempt, failures, priority, uses, queue) FROM STDIN (FORMAT binary)
