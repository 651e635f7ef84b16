-- Rows of edge, from enter_copy.go.
COPY offload.edge (down, up, n, wants, hold) FROM STDIN (FORMAT binary)
