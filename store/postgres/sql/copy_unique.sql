-- Rows of uniq, from unique_copy.go.
COPY offload.uniq (key, id, until, expires_at) FROM STDIN (FORMAT binary)
